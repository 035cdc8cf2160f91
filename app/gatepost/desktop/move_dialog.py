"""Moving this computer's relay into the installed service: what will happen, how far it is, how it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QProgressBar, QPushButton, QWidget

from ..model.errors import GatepostError
from .cards import Banner, Dialog, Tone, label
from .i18n import tr
from .relay_texts import said, told
from .service_commands import Command, move_command
from .tasks import Tasks
from .theme import Role, set_role


class MoveDialog(Dialog):
    """``ask`` answers ``moved`` when it has."""

    def __init__(
        self, data_folder: Path, parent: QWidget | None, *, command: Callable[[Path], list[str]] = move_command
    ) -> None:
        super().__init__(parent, tr("Move into the service"), width=520)
        self.setObjectName("move-relay")
        self._folder = data_folder
        self._command = command
        self._tasks = Tasks(self._unexpected)
        self._is_moved = False
        self.add(label(tr("Move this relay into the installed service"), Role.HEADING, wrap=True))
        self.add(
            label(
                tr(
                    "Configuration, waiting and captured mail, quarantine, tracking and passwords go to the service, which "
                    "runs also while nobody is signed in. The folder of this relay is kept under another name."
                ),
                wrap=True,
            )
        )
        self.add(
            label(tr("The relay stops meanwhile. The system may ask for an administrator's password."), Role.MUTED, wrap=True)
        )
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Progress"))
        self.progress.hide()
        self.add(self.progress)
        self.outcome = Banner()
        self.outcome.hide()
        self.add(self.outcome)
        self.body.addStretch(1)
        self.close_button = self.add_button("", tr("Cancel"))
        self.go = QPushButton(tr("Move"))
        self.go.setObjectName("move-go")
        set_role(self.go, Role.PRIMARY)
        self.go.setDefault(True)
        self.go.clicked.connect(self._pressed)
        self._buttons.addWidget(self.go)

    def _pressed(self) -> None:
        if self._is_moved:
            self.answer("moved")
        else:
            self._tasks.spawn(self.move_now(), "move")

    async def end(self) -> None:
        await self._tasks.close()

    async def move_now(self) -> None:
        self.go.setEnabled(False)
        self.close_button.setEnabled(False)
        self.outcome.hide()
        self.progress.setRange(0, 0)
        self.progress.show()
        try:
            await Command(self._command(self._folder), self._heard, self).run()
        except GatepostError as error:
            detail = told(error.detail, error.hint)
            self.outcome.tell(Tone.BAD, said(error.title), detail)
            self.go.setText(tr("Try again"))
        else:
            self._is_moved = True
            self.close_button.hide()
            self.go.setText(tr("Go to the service"))
        finally:
            self.progress.hide()
            self.outcome.show()
            self.go.setEnabled(True)
            self.close_button.setEnabled(True)

    def _heard(self, news: dict[str, object]) -> None:
        total, done = news.get("total"), news.get("done")
        if news.get("stage") == "copying" and isinstance(total, int) and isinstance(done, int) and total > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(done * 1000 // total)
        elif "stage" in news:
            self.progress.setRange(0, 0)
        if "moved_to" in news:
            detail = tr("The old folder is kept as {folder}; remove it when all is well.", folder=str(news["moved_to"]))
            if news.get("hint"):
                detail += "\n" + tr("To administer it from here: {hint}", hint=str(news["hint"]))
            self.outcome.tell(Tone.GOOD, tr("The relay has moved into the service."), detail)

    def reject(self) -> None:
        """Not while it moves; afterwards closing is going on."""
        if self._is_moved:
            self.answer("moved")
        elif self.close_button.isEnabled():
            super().reject()

    def _unexpected(self, error: BaseException, _name: str) -> None:
        self.outcome.tell(Tone.BAD, tr("Something went wrong."), str(error))
        self.outcome.show()
