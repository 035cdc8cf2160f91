"""The Sending card: a gateway's share of the mail, its limits, the addresses it sends from, its own retries."""

from __future__ import annotations

import re
from collections.abc import Callable

from ....model.gateway import GatewayMode
from ...cards import Card, Disclosure, FieldRow, ListField, NumberField, Switch, TextField
from ...forms import Form
from ...i18n import tr
from .draft import GatewayDraft


class SendingCard(Card):
    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("Sending"))
        self._draft = draft
        self.weight = form.add(
            "weight",
            FieldRow(
                tr("Weight"), NumberField(), tr("With weight 3 it takes three messages where another of weight 1 takes one.")
            ),
        )
        self.standby = form.add(
            "standby",
            FieldRow(
                tr("Standby"),
                Switch(tr("Only in reserve")),
                tr("Used only while no other gateway of the round robin is healthy."),
            ),
        )
        self.share = self.add_fields(self.weight, self.standby)
        add_limits(self, form)
        self.more = Disclosure(tr("Addresses and name"))
        self.more.add(
            form.add(
                "source_addresses",
                FieldRow(
                    tr("Sending addresses"),
                    ListField(add_text=tr("Add an address"), placeholder=tr("This system’s choice")),
                    tr(
                        "Addresses of this machine. The next one is taken when a server says that the first is on a block list."
                    ),
                ),
            )
        )
        self.more.add(
            form.add(
                "ehlo_name",
                FieldRow(
                    tr("EHLO name"), TextField(tr("This server’s name")), tr("What this server calls itself to the other side.")
                ),
                empty_is_none=True,
            )
        )
        self.add(self.more)
        self.retries = retry_fields(form)
        self.add(self.retries)

    def follow(self) -> None:
        self.share.setVisible(self._draft.mode == GatewayMode.ROUND_ROBIN.value)


def add_limits(card: Card | Disclosure, form: Form) -> None:
    """The caps that every gateway has."""
    unlimited = tr("unlimited")
    connections = FieldRow(tr("Connections at once"), NumberField())
    each = FieldRow(tr("Messages per connection"), NumberField())
    minute = FieldRow(tr("Messages per minute"), NumberField(optional=True, placeholder=unlimited))
    day = FieldRow(tr("Messages per day"), NumberField(optional=True, placeholder=unlimited))
    form.add("limits.connections", connections)
    form.add("limits.messages_per_connection", each)
    form.add("limits.messages_per_minute", minute)
    form.add("limits.messages_per_day", day)
    card.add_fields((connections, 1), (each, 1), (minute, 1), (day, 1))


def retry_fields(form: Form) -> Disclosure:
    """Overrides of Settings → Spool; empty follows the settings."""
    as_set = tr("as in Settings")
    found = Disclosure(tr("Retries of its own"))
    schedule = TextField(tr("as in Settings, such as 5, 10, 20, 40, 60"))
    row = FieldRow(tr("Minutes between attempts"), schedule, tr("One number for each wait, with commas; the last one repeats."))
    form.add_custom("retry.schedule_minutes", row, _shower(schedule))
    schedule.textEdited.connect(lambda text: form.put("retry.schedule_minutes", _minutes(text)))
    found.add(row)
    lifetime = FieldRow(tr("Give up after"), NumberField(unit=tr("hours"), optional=True, placeholder=as_set))
    notice = FieldRow(
        tr("Tell the sender about a delay after"), NumberField(unit=tr("hours"), optional=True, placeholder=as_set)
    )
    form.add("retry.lifetime_hours", lifetime)
    form.add("retry.delay_notice_hours", notice)
    found.add_fields(lifetime, notice)
    return found


def _minutes(text: str) -> list[object] | None:
    """None where nothing is typed; what is no number stays text, so that the model says so."""
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    return [int(part) if part.isdigit() else part for part in parts] or None


def _shower(field: TextField) -> Callable[[object], None]:
    def show(value: object) -> None:
        wanted = ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else ""
        if _minutes(field.text()) != (list(value) if isinstance(value, list | tuple) else None):
            field.setText(wanted)

    return show
