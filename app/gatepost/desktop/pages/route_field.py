"""Where mail leaves: None (direct delivery), Round Robin or a named gateway; and what happens while that one rests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ..cards import ChoiceField, FieldRow, field_line
from ..i18n import tr
from .wording import OUTBOUND, Plain, gateway_name, when_resting_words


class RouteField(QObject):
    """Two rows: ``outbound`` and ``resting``, which is shown for a named gateway only. ``holder`` has both side by side."""

    changed = Signal()
    """by the person"""

    def __init__(self, caption: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._outbound = ChoiceField()
        self.outbound = FieldRow(caption or tr("Outbound gateway"), self._outbound)
        choices = tuple((value, when_resting_words(value)) for value in ("wait", "round-robin", "direct"))
        self._resting = ChoiceField(choices)
        self.resting = FieldRow(
            tr("When it rests"), self._resting, tr("What happens to the mail while this gateway cannot be used.")
        )
        self.holder: QWidget = field_line(self.outbound, self.resting)
        for field in (self._outbound, self._resting):
            field.chosen.connect(self._chosen)
        self.set_gateways(())

    def set_gateways(self, gateways: Sequence[Plain]) -> None:
        """The choices; the value stays."""
        kept = self.value()
        field = self._outbound
        field.clear()
        field.addItem(tr("None (direct delivery)"), "direct")
        field.addItem(tr("Round Robin"), "round-robin")
        for gateway in gateways:
            if gateway["mode"] in OUTBOUND:
                name = gateway_name(gateway)
                field.addItem(name if gateway["enabled"] else tr("{name} (disabled)", name=name), f"gateway:{gateway['id']}")
        self.set_value(kept)

    def value(self) -> dict[str, Any]:
        field = self._outbound
        chosen = str(field.value() or "round-robin")
        if chosen.startswith("gateway:"):
            when = self._resting.value() or "wait"
            return {"via": "gateway", "gateway": chosen.removeprefix("gateway:"), "when_resting": when}
        return {"via": chosen}

    def set_value(self, route: Plain | None) -> None:
        route = route or {"via": "round-robin"}
        field, resting = self._outbound, self._resting
        wanted = f"gateway:{route['gateway']}" if route["via"] == "gateway" else route["via"]
        if field.findData(wanted) < 0:  # a gateway that is gone: say so instead of choosing another
            field.addItem(tr("{name} (not there)", name=route.get("gateway", wanted)), wanted)
        field.set_value(wanted)
        resting.set_value(route.get("when_resting", "wait"))
        self._show()

    def _chosen(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        field = self._outbound
        self.resting.setVisible(str(field.value()).startswith("gateway:"))
