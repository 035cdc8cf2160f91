"""The one door for what the app tells a person. Tests listen at it, too.

- a field's issue stands under its field: forms do that themselves
- ``banner``: an operation that failed, at the top of its page, with a way to try again
- ``attention`` and ``settled``: trouble in the background, in the attention list until it is over
- ``notify``: a word in passing, as a notification of the desktop
- ``bug``: what nobody expected, as a report that can be copied
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from ..model.errors import GatepostError
from .bug_report import BugReport, report_of
from .i18n import tr
from .relay_texts import said

log = logging.getLogger(__name__)

Retry = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Notice:
    """A failed operation of one page, in words; the page shows the newest one."""

    page: str
    title: str
    detail: str = ""
    hint: str = ""
    retry: Retry | None = None
    is_bug: bool = False


@dataclass(frozen=True, slots=True)
class Attention:
    """``key`` names the trouble: told again it replaces what was said before. ``page`` is where it can be mended."""

    key: str
    title: str
    detail: str = ""
    page: str = ""


class Messages(QObject):
    banner_raised = Signal(object)
    """Notice"""
    banner_cleared = Signal(str)
    """key of the page"""
    attention_changed = Signal()
    notified = Signal(str, str)
    """title, text"""
    bug_found = Signal(object)
    """BugReport"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._attention: dict[str, Attention] = {}
        self._bugs_seen: set[str] = set()

    def banner(self, page: str, error: BaseException, retry: Retry | None = None) -> None:
        """An operation of ``page`` failed. What is no GatepostError is a bug, and is reported as one."""
        if isinstance(error, GatepostError):
            notice = Notice(page, said(error.title), said(error.detail), said(error.hint), retry)
        else:
            self.bug(error, page)
            notice = Notice(
                page, tr("This did not work because of a mistake in Gatepost."), type(error).__name__, "", retry, True
            )
        self.banner_raised.emit(notice)

    def clear_banner(self, page: str) -> None:
        self.banner_cleared.emit(page)

    @property
    def attention_list(self) -> tuple[Attention, ...]:
        return tuple(self._attention.values())

    def attention(self, key: str, title: str, detail: str = "", *, page: str = "") -> None:
        """Keep trouble in view until ``settled(key)``; the first time it is also notified."""
        item = Attention(key, title, detail, page)
        known = self._attention.get(key)
        if item == known:
            return
        self._attention[key] = item
        self.attention_changed.emit()
        if known is None:
            self.notify(title, detail)

    def settled(self, key: str) -> None:
        if self._attention.pop(key, None) is not None:
            self.attention_changed.emit()

    def notify(self, title: str, text: str = "") -> None:
        self.notified.emit(title, text)

    def bug(self, error: BaseException, where: str) -> BugReport:
        """Record what nobody expected. The same one is shown only once."""
        report = report_of(error, where)
        log.error("unexpected in %s\n%s", where, report.text)
        if report.identity not in self._bugs_seen:
            self._bugs_seen.add(report.identity)
            self.bug_found.emit(report)
        return report
