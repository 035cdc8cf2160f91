"""Questions to the person, as coroutines: a dialog opens, others go on working, the answer comes when it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QLayout, QPushButton, QVBoxLayout, QWidget

from ..i18n import tr
from ..theme import Role, px, set_role, theme
from .badge import Tone
from .layout import LeadLayout, line, rows
from .mnemonics import assign_mnemonics
from .text import Sign, label

_SIGNS = {Tone.GOOD: "good", Tone.WARNING: "warning", Tone.BAD: "bad", Tone.NEUTRAL: "help", Tone.ACCENT: "info"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One button. ``key`` is what ``ask`` returns."""

    key: str
    text: str
    role: Role | None = None


class Dialog(QDialog):
    """A dialog with a title, a body of widgets and buttons at its foot. Escape is the answer of ``escape``."""

    def __init__(self, parent: QWidget | None, title: str, *, width: float = 520) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        theme().style_dialog(self)
        self.setMinimumWidth(px(width))
        outer = self._outer = rows(self, gap=16, margins=24)
        self.body: QVBoxLayout = rows(gap=14)
        outer.addLayout(self.body, 1)
        self._foot = QWidget()
        self._buttons = LeadLayout(self._foot, gap=10)
        spacer = QWidget()
        self._buttons.addWidget(spacer)
        outer.addWidget(self._foot)
        self._answer: str | None = None
        self._follows = False

    def showEvent(self, event: QShowEvent) -> None:
        """As high as its texts need at its width, unless a size was set: Qt asks for what they need where they are narrow."""
        super().showEvent(event)
        if not event.spontaneous() and not self.testAttribute(Qt.WidgetAttribute.WA_Resized):
            self._follows = True
            self._outer.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
            self._fit()
            self.resize(self.width(), self.minimumHeight())

    def event(self, event: QEvent) -> bool:
        """What is shown later finds room, too."""
        done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest and self._follows:
            self._fit()
        return done

    def _fit(self) -> None:
        outer = self._outer
        folds = outer.hasHeightForWidth()
        self.setMinimumHeight(outer.totalHeightForWidth(self.width()) if folds else outer.totalSizeHint().height())

    def add(self, widget: QWidget) -> None:
        self.body.addWidget(widget)

    def add_button(self, key: str, text: str, role: Role | None = None, *, is_default: bool = False) -> QPushButton:
        button = QPushButton(text)
        set_role(button, role)
        button.setAutoDefault(False)
        button.setDefault(is_default)
        button.clicked.connect(lambda: self.answer(key))
        self._buttons.addWidget(button)
        return button

    def answer(self, key: str) -> None:
        self._answer = key
        self.accept()

    async def end(self) -> None:
        """It is closed and about to be deleted: what works for it ends now, while its widgets are still there."""

    async def ask(self, escape: str = "") -> str:
        """Show it and wait for an answer. Cancelling the task closes it."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def finished(_result: int) -> None:
            if not future.done():
                future.set_result(None)

        self.finished.connect(finished)
        assign_mnemonics(self)
        self.open()
        try:
            await future
        finally:
            self.finished.disconnect(finished)
            self.close()
            await self.end()
            self.deleteLater()
        return self._answer if self._answer is not None else escape


async def ask(
    parent: QWidget | None,
    title: str,
    text: str,
    answers: Sequence[Answer],
    *,
    tone: Tone = Tone.NEUTRAL,
    escape: str = "",
) -> str:
    """The chosen answer's key, ``escape`` for Escape. Enter gives the last answer that is not dangerous."""
    dialog = Dialog(parent, title)
    top = line(gap=14)
    top.addWidget(Sign(_SIGNS[tone], tone.value, 26), 0, Qt.AlignmentFlag.AlignTop)
    words = rows(gap=6)
    words.addWidget(label(title, Role.HEADING, wrap=True))
    words.addWidget(label(text, wrap=True))
    top.addLayout(words, 1)
    dialog.body.addLayout(top)
    default = next((one for one in reversed(answers) if one.role is not Role.DANGER), None)
    for one in answers:
        dialog.add_button(one.key, one.text, one.role, is_default=one is default)
    return await dialog.ask(escape)


async def confirm(parent: QWidget | None, title: str, text: str, yes: str, *, is_dangerous: bool = False) -> bool:
    """``yes``: what the button does, in a word or two, such as “Delete”."""
    role = Role.DANGER if is_dangerous else Role.PRIMARY
    answers = (Answer("", tr("Cancel")), Answer("yes", yes, role))
    return await ask(parent, title, text, answers, tone=Tone.WARNING if is_dangerous else Tone.NEUTRAL) == "yes"
