"""The card of the gateways: how each does, those in trouble first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from ...cards import Card, EmptyState, HealthLine, Tone, divider, label, line, rows, tool_button
from ...context import AppContext
from ...i18n import ntr, tr
from ...theme import Role
from ..wording import Plain, gateway_name
from .parts import clear, link
from .words import health, where

if TYPE_CHECKING:
    from ....model.report import GatewayReport

MAX_GATEWAYS = 12
_ORDER = {"resting": 0, "probing": 1, "healthy": 2, "disabled": 3}


class GatewaysCard(Card):
    def __init__(self, context: AppContext) -> None:
        super().__init__(tr("Gateways"))
        self._context = context
        self._shown: object = None
        self.add_to_header(link(tr("All gateways"), lambda: context.navigate("gateways")))
        holder = QWidget()
        self._rows = rows(holder, gap=10)
        self.add(holder)

    def show_gateways(self, gateways: Sequence[Plain], reports: Sequence[GatewayReport], lanes: Mapping[str, int]) -> None:
        """``lanes``: what waits in the spool, by lane."""
        by_id = {report.id: report for report in reports}
        found = []
        for gateway in gateways:
            report = by_id.get(gateway["id"])
            if report is not None:
                waiting = lanes.get(f"gateway:{report.id}", 0) + lanes.get(f"inbound:{report.id}", 0)
                found.append((gateway["id"], gateway_name(gateway), where(gateway, waiting), *health(gateway, report)))
        found.sort(key=lambda one: _ORDER.get(by_id[one[0]].health, 0))
        if found == self._shown:
            return
        self._shown = found
        clear(self._rows)
        for number, (identifier, name, place, word, tone) in enumerate(found[:MAX_GATEWAYS]):
            if number:
                self._rows.addWidget(divider())
            self._rows.addWidget(self._row(identifier, name, place, word, tone))
        if len(found) > MAX_GATEWAYS:
            more = len(found) - MAX_GATEWAYS
            self._rows.addWidget(label(ntr("{n} more", "{n} more", more), Role.MUTED))
        if not found:
            empty = EmptyState("gateways", tr("No gateway yet"), tr("A gateway says where mail goes next."))
            empty.add_action(tr("Add a gateway"), lambda: self._context.navigate("gateways", new="round-robin"))
            self._rows.addWidget(empty)

    def _row(self, identifier: str, name: str, place: str, word: str, tone: Tone) -> QWidget:
        row = QWidget()
        layout = line(row)
        layout.addWidget(HealthLine(name, place, word, tone), 1)
        button = tool_button(
            "chevron-right", tr("Open {name}", name=name), lambda: self._context.navigate("gateways", gateway=identifier)
        )
        layout.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return row
