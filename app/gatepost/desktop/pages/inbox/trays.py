"""The trays as chips above the list: how much each holds, and whether something came that nobody has seen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ....control.capture_schema import TrayReport
from ....model.capture import INBOX
from ...cards import FilterChips, rows
from ...i18n import tr
from ...preferences import Preferences


def tray_name(tray: TrayReport) -> str:
    if tray.id == INBOX:
        return tr("Inbox")
    return tr("{name} (no tray any more)", name=tray.name or tray.id) if tray.is_gone else tray.name


class TrayChips(QWidget):
    """A tray is seen while it is shown; what came later is marked on its chip until it is shown again. What was seen is
    remembered on this computer, for each relay."""

    chosen = Signal(str)

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._relay = ""
        self._trays: tuple[TrayReport, ...] = ()
        self._layout: QVBoxLayout = rows(self, gap=0)
        self._chips: FilterChips | None = None
        self._shown: list[tuple[str, str]] = []
        self.current = ""

    def set_relay(self, name: str) -> None:
        """Whose mail it is: what was seen of one relay says nothing about another."""
        self._relay = name

    def show_trays(self, trays: Sequence[TrayReport]) -> None:
        self._trays = tuple(trays)
        choices = [("", tr("All")), *((tray.id, tray_name(tray)) for tray in trays)]
        if choices != self._shown:
            self._shown = choices
            self._make(choices)
        self._mark()

    def choose(self, tray: str) -> None:
        """Without telling anybody."""
        self.current = tray if any(key == tray for key, _ in self._shown) else ""
        if self._chips is not None:
            self._chips.choose(self.current)
        self.see()

    def _make(self, choices: Sequence[tuple[str, str]]) -> None:
        old, had_focus = self._chips, False
        if old is not None:
            had_focus = old.isAncestorOf(old.focusWidget()) if old.focusWidget() is not None else False
            self._layout.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._chips = FilterChips(tr("Trays"), choices)
        self._layout.addWidget(self._chips)
        self._chips.chosen.connect(self._choose)
        self.choose(self.current)
        if had_focus:
            self._chips.focus_current()

    def _choose(self, tray: str) -> None:
        self.current = tray
        self.see()
        self.chosen.emit(tray)

    # --- what is new ---

    def see(self) -> None:
        """What is shown now has been seen."""
        for tray in self._trays:
            if self.current in ("", tray.id) and tray.last_id > self._seen(tray.id):
                self._preferences.set_text(self._key(tray.id), str(tray.last_id))
        self._mark()

    def is_new(self, tray: TrayReport) -> bool:
        return bool(tray.count) and tray.last_id > self._seen(tray.id)

    def _mark(self) -> None:
        if self._chips is None:
            return
        self._chips.set_count("", sum(tray.count for tray in self._trays))
        for tray in self._trays:
            self._chips.set_count(tray.id, tray.count, note=tr("new") if self.is_new(tray) else "")

    def _seen(self, tray: str) -> int:
        text = self._preferences.text(self._key(tray))
        return int(text) if text.isdigit() else 0

    def _key(self, tray: str) -> str:
        return f"inbox-seen/{self._relay or 'here'}/{tray}"
