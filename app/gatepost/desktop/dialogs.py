"""Questions that several pages ask, and one way to ask any. Each is a coroutine; the look is ``cards.dialog``'s."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QDialog, QWidget

from .i18n import tr
from .theme import theme


@dataclass(frozen=True, slots=True)
class Choice:
    """``key`` is what the question answers; a dangerous one is never what Enter gives."""

    key: str
    label: str
    is_dangerous: bool = False


async def choose(
    parent: QWidget, title: str, text: str, choices: Sequence[Choice], *, detail: str = "", is_warning: bool = False
) -> str | None:
    """The key of the chosen one; None when the person cancelled. The first choice that is not dangerous is the default."""
    from .cards import Answer, Tone, ask
    from .theme import Role

    safe = [choice for choice in choices if not choice.is_dangerous]
    ordered = [choice for choice in choices if choice not in safe[:1]] + safe[:1]
    answers = [Answer("", tr("Cancel"))]
    for choice in ordered:
        role = Role.DANGER if choice.is_dangerous else (Role.PRIMARY if choice in safe[:1] else None)
        answers.append(Answer(choice.key, choice.label, role))
    if not safe:  # Enter must not do what is dangerous
        answers.append(answers.pop(0))
    words = f"{text}\n\n{detail}" if detail else text
    return await ask(parent, title, words, answers, tone=Tone.WARNING if is_warning else Tone.NEUTRAL) or None


async def confirm(parent: QWidget, title: str, text: str, action: str, *, detail: str = "", is_dangerous: bool = False) -> bool:
    """Whether the person said yes to one action, named by a verb ("Delete 12 messages")."""
    return (
        await choose(parent, title, text, [Choice("yes", action, is_dangerous)], detail=detail, is_warning=is_dangerous)
        == "yes"
    )


def fit(dialog: QDialog, width: int, height: int) -> None:
    """Give it this size, or as much of it as the window has that it stands on: its content scrolls."""
    parent = dialog.parentWidget()
    room = parent.window().size() if parent is not None else dialog.screen().availableSize()
    dialog.resize(min(width, room.width()), min(height, room.height()))


async def show_dialog(dialog: QDialog, end: Callable[[], Awaitable[None]] | None = None) -> int:
    """Show a dialog of its own kind (to choose a file) and wait for its end: its result code. It is deleted afterwards, once
    ``end`` has ended what works for it."""
    theme().style_dialog(dialog)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def finished(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    dialog.finished.connect(finished)
    dialog.open()
    try:
        return await ended
    finally:
        dialog.close()
        if end is not None:
            await end()
        dialog.deleteLater()


async def ask_about_draft(parent: QWidget, what: str) -> str | None:
    """Leaving a page with a draft: ``save``, ``discard`` or None (stay). ``what`` names the draft in words."""
    return await choose(
        parent,
        tr("Unsaved changes"),
        tr("{what} has changes that are not saved.", what=what),
        [Choice("save", tr("Save")), Choice("discard", tr("Discard changes"), is_dangerous=True)],
        is_warning=True,
    )


async def ask_whether_relay_goes_on(parent: QWidget) -> str | None:
    """Closing the window: ``stay`` in the tray, ``stop``, or None to go on working."""
    return await choose(
        parent,
        tr("Shall the relay go on?"),
        tr("Without the relay no mail is accepted or delivered. Mail that waits is kept until it runs again."),
        [Choice("stay", tr("Keep running in the tray")), Choice("stop", tr("Stop it and quit"))],
    )
