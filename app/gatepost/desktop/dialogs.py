"""Questions to the person: shown with ``open()`` and awaited, so that everything else goes on (never ``exec()``)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from .i18n import tr
from .theme import theme


@dataclass(frozen=True, slots=True)
class Choice:
    """``key`` is what the question answers; a dangerous one is never the default."""

    key: str
    label: str
    is_dangerous: bool = False


def open_dialog(dialog: QDialog) -> None:
    """Show a dialog in the app's look, without waiting for its end."""
    parent = dialog.parentWidget()
    if parent is None or parent.isWindow():  # else it has the look of the page that it belongs to
        theme().style(dialog)
    dialog.open()


async def show_dialog(dialog: QDialog) -> int:
    """Show a dialog and wait for its end; it is deleted afterwards. Returns its result code."""
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def finished(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    dialog.finished.connect(finished)
    open_dialog(dialog)
    try:
        return await ended
    except asyncio.CancelledError:
        dialog.reject()
        raise
    finally:
        dialog.deleteLater()


async def choose(
    parent: QWidget, title: str, text: str, choices: Sequence[Choice], *, detail: str = "", is_warning: bool = False
) -> str | None:
    """The key of the chosen one; None when the person cancelled. The first choice that is not dangerous is the default."""
    box = QMessageBox(parent)
    box.setObjectName("question")
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.setInformativeText(detail)
    box.setIcon(QMessageBox.Icon.Warning if is_warning else QMessageBox.Icon.Question)
    buttons = {}
    for choice in choices:
        # AcceptRole keeps the order on all systems; DestructiveRole would let some of them put it far away.
        button = box.addButton(choice.label, QMessageBox.ButtonRole.AcceptRole)
        button.setObjectName(f"choice-{choice.key}")
        if choice.is_dangerous:
            button.setProperty("role", "danger")
        buttons[button] = choice.key
    cancel = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    cancel.setObjectName("choice-cancel")
    safe = [button for button, key in buttons.items() if not next(c for c in choices if c.key == key).is_dangerous]
    box.setDefaultButton(safe[0] if safe else cancel)
    box.setEscapeButton(cancel)
    chosen: list[str] = []
    box.buttonClicked.connect(lambda button: chosen.append(buttons[button]) if button in buttons else None)
    await show_dialog(box)
    return chosen[0] if chosen else None


async def confirm(parent: QWidget, title: str, text: str, action: str, *, detail: str = "", is_dangerous: bool = False) -> bool:
    """Whether the person said yes to one action, named by a verb ("Delete 12 messages")."""
    choice = Choice("yes", action, is_dangerous)
    return await choose(parent, title, text, [choice], detail=detail, is_warning=is_dangerous) == "yes"


async def ask_about_draft(parent: QWidget, what: str) -> str | None:
    """Leaving a page with a draft: ``save``, ``discard`` or None (stay)."""
    return await choose(
        parent,
        tr("Unsaved changes"),
        tr("{what} has changes that are not saved.", what=what),
        [Choice("save", tr("&Save")), Choice("discard", tr("&Discard changes"), is_dangerous=True)],
    )
