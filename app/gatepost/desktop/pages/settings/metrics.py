"""Settings → Metrics port: figures for a monitoring system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....model.fields import Model
from ....model.settings import MonitoringSettings
from ...cards import Banner, Card, Facts, Tone
from ...i18n import tr
from ...relay_texts import said
from .fields import show_when
from .form_section import FormSection

if TYPE_CHECKING:
    from ..page import Page


class _Shown(Model):
    monitoring: MonitoringSettings


class MetricsSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("The relay's counters for Prometheus, and the spool's counts as JSON, for monitoring systems.")
        super().__init__(page, tr("Metrics port"), subtitle, _Shown, "settings", "monitoring")

    def build(self) -> None:
        fields = self.fields
        card = Card(tr("Metrics"))
        self.problem = Banner(Tone.BAD)
        self.problem.hide()
        card.add(self.problem)
        card.add_fields(
            fields.switch(
                "monitoring.metrics_enabled",
                tr("Serve figures on a port"),
                tr("There is no sign-in: whoever reaches the port reads the figures. They hold no addresses of people."),
            )
        )
        self.where = card.add_fields(
            fields.text("monitoring.metrics_address", tr("Address"), tr("127.0.0.1: only this computer.")),
            fields.number("monitoring.metrics_port", tr("Port")),
        )
        self.facts = Facts()
        card.add(self.facts)
        self.body.add(card)

    async def load(self) -> None:
        await super().load()
        relay = (await self.context.session.client.status()).relay
        problem = next((one for one in relay.problems if one.kind == "monitoring"), None)
        self.problem.setVisible(problem is not None)
        if problem is not None:
            self.problem.tell(Tone.BAD, tr("The metrics port cannot be opened."), said(problem.detail))

    def follow(self) -> None:
        is_on = bool(self.model.get("monitoring.metrics_enabled"))
        show_when(is_on, self.where, self.facts)
        address, port = self.model.get("monitoring.metrics_address"), self.model.get("monitoring.metrics_port")
        host = f"[{address}]" if ":" in str(address) else address
        base = f"http://{host}:{port}"
        self.facts.set(((tr("Prometheus"), f"{base}/metrics"), (tr("Spool counts"), f"{base}/spool.json")))
