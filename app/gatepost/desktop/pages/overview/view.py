"""The overview page: reads what its cards show, and keeps it new."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from ...cards import Columns, Figure, PageBody, PageHeader, Tone, rows
from ...context import AppContext
from ...i18n import format_count, ntr, tr
from ...theme import Role, set_role
from ...words import age_text
from ..page import Page
from ..wording import Plain
from .attention import AttentionCard
from .gateways import GatewaysCard
from .needs import Known, Mend, Need, needs
from .throughput import ThroughputCard
from .trends import DAY, HOUR, Range, Sums, by_name, compared
from .words import arrow, sentence, trend

if TYPE_CHECKING:
    from ....control.schema import EventMessage, Snapshot, SpoolFigures
    from ....model.report import GatewayReport, RelayReport, Total

MINUTE_MS = 60_000
SETTLE_MS = 400
"""What changes the configuration or the gateways' health comes in bursts; it is read anew once."""


class OverviewPage(Page):
    key: ClassVar[str] = "overview"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        set_role(self, Role.PAGE)
        self._relay: RelayReport | None = None
        self._spool: SpoolFigures | None = None
        self._reports: Sequence[GatewayReport] = ()
        self._configuration: Plain | None = None
        self._secrets: Sequence[Any] = ()
        self._days = Sums()
        """Two days, for the figures and the chart of a day."""
        self._charted = Sums()
        self._oldest: float | None = None
        self._build()
        self._minute = QTimer(self)
        self._minute.setInterval(MINUTE_MS)
        self._minute.timeout.connect(self._load_again)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._load_again)
        context.messages.attention_changed.connect(self._show_needs)

    def _build(self) -> None:
        outer = rows(self, gap=0)
        body = PageBody()
        outer.addWidget(body)
        self.header = PageHeader(tr("Overview"))
        body.add(self.header)
        self.attention = AttentionCard()
        self.attention.mend_wanted.connect(self._mend)
        body.add(self.attention)
        figures = QWidget()
        columns = Columns(figures, narrow=130)
        self.delivered = Figure(tr("Delivered in 24 hours"))
        self.waiting = Figure(tr("Waiting in the spool"))
        self.deferred = Figure(tr("Deferred, tried again"))
        self.refused = Figure(tr("Refused in 24 hours"))
        for figure in (self.delivered, self.waiting, self.deferred, self.refused):
            columns.add(figure)
        self.delivered.setToolTip(tr("Compared with the 24 hours before"))
        self.refused.setToolTip(tr("Compared with the 24 hours before"))
        self.deferred.setToolTip(tr("New deferrals of the last hour, compared with the hour before"))
        self.waiting.setToolTip(tr("With what is deferred and held; how long the oldest message waits"))
        body.add(figures)
        self.throughput = ThroughputCard()
        self.throughput.range_chosen.connect(lambda: self.spawn(self._load_range(), "chart"))
        body.add(self.throughput)
        self.gateways = GatewaysCard(self.context)
        body.add(self.gateways)

    # --- life ---

    async def enter(self, **arguments: Any) -> None:
        snapshot = self.context.session.snapshot
        if snapshot is not None:
            self.on_snapshot(snapshot)
        self._minute.start()
        await self._load()

    async def leave(self) -> bool:
        self._minute.stop()
        self._settle.stop()
        return True

    def on_connected(self) -> None:
        self._load_again()

    def on_lost(self) -> None:
        self._show_sentence()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self._relay = snapshot.status.relay
        self._spool = snapshot.status.spool
        self._reports = snapshot.gateways
        self._count(snapshot.totals)
        self._show_all()

    def on_event(self, event: EventMessage) -> None:
        if event.kind == "figures":
            from ....control.schema import SpoolFigures
            from ....model.report import Total

            self._spool = SpoolFigures.model_validate(event.data["spool"])
            self._count([Total(one["name"], one["label"], one["value"]) for one in event.data["totals"]])
            self._show_figures()
            self._show_gateways()
            self._show_needs()
        elif not event.kind.startswith("message.") and not self._settle.isActive():
            self._settle.start()  # not anew: what keeps happening would put it off for ever

    def _load_again(self) -> None:
        if self.isVisible() and self.context.session.is_connected:
            self.spawn(self._load(), "load")

    async def _load(self) -> None:
        client = self.context.session.client
        status, reports, configuration, secrets = await asyncio.gather(
            client.status(), client.gateway_reports(), client.configuration(), client.secrets()
        )
        self._relay, self._spool, self._reports = status.relay, status.spool, reports
        self._configuration = configuration.value
        self._secrets = secrets
        await self._load_figures()
        self._show_all()

    async def _load_figures(self) -> None:
        from ....control.spool_schema import Filter, ListRequest

        client = self.context.session.client
        chosen = self.throughput.range
        days = await client.history(2 * DAY, Range.DAY.step)
        charted = days if chosen is Range.DAY else await client.history(chosen.minutes, chosen.step)
        # Right behind the sums: what is counted between the two calls is missing until the next minute.
        counted = by_name(await client.totals())
        self._days = Sums.read(days, Range.DAY.step, counted)
        if chosen is self.throughput.range:  # else those of another time are on their way
            self._charted = Sums.read(charted, chosen.step, counted)
        # What is held waits for a person, not for the relay: its age says nothing about delivery.
        requests = (ListRequest(filter=Filter(state=state), order="age", limit=1) for state in ("waiting", "deferred"))
        oldest = [row.received_at for rows in await asyncio.gather(*map(client.spool_list, requests)) for row in rows]
        self._oldest = min(oldest, default=None)

    def _count(self, totals: Sequence[Total]) -> None:
        newest = by_name(totals)
        self._days.count(newest)
        self._charted.count(newest)

    async def _load_range(self) -> None:
        await self._load_figures()
        self._show_figures()

    # --- what is shown ---

    def _show_all(self) -> None:
        self._show_sentence()
        self._show_needs()
        self._show_figures()
        self._show_gateways()

    def _show_sentence(self) -> None:
        self.header.set_subtitle(
            sentence(self._relay) if self.context.session.is_connected else tr("The relay does not answer.")
        )

    def _show_figures(self) -> None:
        now = time.time()
        delivered, refused = compared(self._days, "delivered", DAY, now), compared(self._days, "refused", DAY, now)
        self.delivered.set(format_count(delivered.now), trend(delivered))
        self.refused.set(format_count(refused.now), trend(refused))
        if self._spool is not None:
            waiting = self._spool.total - self._spool.quarantined
            note = tr("oldest {age}", age=age_text(self._oldest)) if self._oldest and waiting else ""
            long = self._oldest is not None and now - self._oldest > HOUR * 60
            self.waiting.set(format_count(waiting), note, Tone.WARNING if long else Tone.GOOD)
            fresh = compared(self._days, "deferred", HOUR, now)
            words = ntr("{n} new", "{n} new", fresh.now)
            note = " ".join(part for part in (arrow(fresh), words) if part) if fresh.now else ""
            self.deferred.set(format_count(self._spool.deferred), note, Tone.WARNING)
        self.throughput.show_sums(self._charted, now)

    def _show_needs(self) -> None:
        if self._relay is None or self._spool is None or self._configuration is None:
            return
        noted = self.context.messages.attention_list
        known = Known(self._relay, self._spool, self._configuration, self._secrets, noted)
        self.attention.show_needs(needs(known))

    def _mend(self, need: Need) -> None:
        if need.mend is Mend.SHOW:
            self.context.navigate(need.page, **dict(need.arguments))
        else:
            self.spawn(self._do(need.mend), need.mend.value)

    async def _do(self, mend: Mend) -> None:
        client = self.context.session.client
        if mend is Mend.START:
            await client.start()
        elif mend is Mend.RESUME:
            await client.resume()
        await self._load()

    def _show_gateways(self) -> None:
        gateways = self._configuration["gateways"] if self._configuration is not None else []
        self.gateways.show_gateways(gateways, self._reports, self._spool.lanes if self._spool is not None else {})
