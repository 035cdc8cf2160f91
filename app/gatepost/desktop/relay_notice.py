"""What the window says while the relay is not there to talk to: as a strip above a page, or alone before the first page."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from .i18n import ntr, tr
from .relay_texts import said, told
from .session import SessionState
from .strips import Strip
from .supervisor import Phase, Status
from .theme import Role, px, set_role, theme


class RelayNotice(Strip):
    """A function of the supervisor's status and the session's state; hidden while all is well."""

    def __init__(self, try_again: Callable[[], object], name: str, parent: QWidget | None = None) -> None:
        super().__init__("warning", name, parent)
        self._status = Status(Phase.LOOKING)
        self._session = SessionState.IDLE
        self._details = self.add_button(tr("Last lines"), self._toggle_lines, name=f"{name}-lines")
        self._details.setCheckable(True)
        self._copy = self.add_button(tr("Copy"), self._copy_lines, name=f"{name}-copy")
        self._again = self.add_button(tr("Try again now"), try_again, name=f"{name}-again")
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._draw)
        self._draw()

    def show_state(self, status: Status, session: SessionState) -> None:
        self._status, self._session = status, session
        self._draw()

    @property
    def is_needed(self) -> bool:
        return self._status.phase is not Phase.RUNNING or self._session is not SessionState.CONNECTED

    def _draw(self) -> None:
        status = self._status
        tone, title, detail = self._said()
        self.set_tone(tone)
        self.say(title, detail, status.last_lines)
        has_lines = bool(status.last_lines)
        self._details.setVisible(has_lines)
        self._copy.setVisible(has_lines)
        self.show_lines(has_lines and self._details.isChecked())
        can_try = status.phase in (Phase.CRASHED, Phase.ENDED, Phase.OTHER_VERSION, Phase.UNREACHABLE)
        self._again.setVisible(can_try)
        self._again.setText(tr("Start the relay") if status.phase in (Phase.CRASHED, Phase.ENDED) else tr("Try again now"))
        counts_down = status.retry_at is not None and self.is_needed
        if counts_down != self._clock.isActive():
            self._clock.start() if counts_down else self._clock.stop()

    def _said(self) -> tuple[str, str, str]:
        status = self._status
        problem = status.problem
        reasons = told(problem.detail, problem.hint) if problem else ""
        is_away = status.phase in (Phase.LOOKING, Phase.RUNNING) and self._session is SessionState.LOST
        if is_away or (problem is not None and problem.code == "not-running"):
            return "warning", tr("The relay does not answer; trying again…"), tr("What you typed is kept.")
        match status.phase:
            case Phase.LOOKING:
                return "info", tr("Looking for the relay…"), ""
            case Phase.STARTING:
                return "info", tr("Starting the relay…"), ""
            case Phase.STOPPING:
                return "info", tr("The relay finishes what it holds…"), ""
            case Phase.ENDED:
                return "warning", tr("The relay is not running."), tr("No mail is accepted or delivered until it is started.")
            case Phase.CRASHED:
                return "bad", said(problem.title) if problem else "", f"{self._countdown()} {reasons}".strip()
            case Phase.OTHER_VERSION | Phase.UNREACHABLE:
                return "warning", said(problem.title) if problem else tr("The relay does not answer."), reasons
            case Phase.RUNNING:
                return "info", tr("Connecting to the relay…"), ""

    def _countdown(self) -> str:
        seconds = max(0, math.ceil((self._status.retry_at or 0) - time.time()))
        return ntr("It is started again in {n} second.", "It is started again in {n} seconds.", seconds) if seconds else ""

    def _toggle_lines(self) -> None:
        self.show_lines(self._details.isChecked())

    def _copy_lines(self) -> None:
        QApplication.clipboard().setText("\n".join(self._status.last_lines))


class WaitingView(QWidget):
    """In the place of a page until the relay has been there once."""

    def __init__(self, try_again: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("waiting")
        set_role(self, Role.PAGE)
        theme().style(self)
        self.notice = RelayNotice(try_again, "relay-waiting", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(px(28), px(28), px(28), px(28))
        layout.addWidget(self.notice)
        layout.addStretch(1)
