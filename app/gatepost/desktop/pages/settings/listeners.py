"""Settings → Listeners: where mail comes in, from whom, and what each listener tolerates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from ....model.listener import Listener
from ...cards import Banner, Card, Disclosure, Tone
from ...i18n import ntr, tr
from ...relay_texts import said
from ..handling import HandlingCard, mark_of
from ..wording import Plain
from .certificate_fields import CertificateFields
from .fields import seconds, show_when
from .object_section import Line, ObjectSection, Words

if TYPE_CHECKING:
    from ....model.report import ListenerReport
    from ..page import Page


class ListenersSection(ObjectSection):
    collection = "listeners"
    kind = Listener
    draft: ClassVar[Plain] = Listener(id="new").model_dump(mode="json", exclude={"id"})

    def __init__(self, page: Page) -> None:
        self._reports: Mapping[str, ListenerReport] = {}
        super().__init__(
            page,
            Words(
                title=tr("Listeners"),
                subtitle=tr("Where mail comes in. A change takes effect at once; open sessions go on."),
                add=tr("Add a listener"),
                new=tr("New listener"),
                empty=tr("No listeners"),
                empty_text=tr("Without one, nobody can hand mail to this relay."),
                icon="inbox",
                consequence=tr("Nobody can hand in mail there any more."),
            ),
        )

    # --- the editor ---

    def build_editor(self) -> None:
        self._build_place()
        self.handling = HandlingCard(self.form, of_gateway=False)
        self.column.addWidget(self.handling)
        self._build_tls()
        self._build_tolerance()
        self._build_limits()

    def _build_place(self) -> None:
        fields = self.fields
        card = Card(tr("Listener"))
        self.problem = Banner(Tone.BAD)
        card.add(self.problem)
        card.add_fields(
            (fields.text("address", tr("Address"), tr("Of this machine. 0.0.0.0 or :: for all of them.")), 3),
            (fields.number("port", tr("Port"), "", tr("0: any free one.")), 2),
        )
        self.mode = fields.choice("mode", tr("Serves"), ((key, mode_words(key)) for key in ("mx", "submission", "trusted")))
        card.add_fields(self.mode, fields.text("description", tr("Description")))
        card.add_fields(fields.switch("enabled", tr("Enabled")))
        self.column.addWidget(card)

    def _build_tls(self) -> None:
        fields = self.fields
        card = Card(tr("Encryption"))
        card.add_fields(
            fields.choice(
                "tls",
                tr("Encryption"),
                (
                    ("none", tr("None")),
                    ("starttls", tr("STARTTLS offered")),
                    ("starttls-required", tr("STARTTLS required")),
                    ("tls", tr("TLS from the start")),
                ),
                tr("Sign-in is offered only when the connection is encrypted, or comes from this computer."),
            )
        )
        self.certificate = CertificateFields(self.form, self.page)
        card.add(self.certificate)
        self.column.addWidget(card)

    def _build_tolerance(self) -> None:
        fields = self.fields
        card = Card(tr("Tolerance"))
        card.add_fields(
            fields.choice(
                "line_ends",
                tr("Wrong line ends in a message"),
                (("refuse", tr("Refuse (recommended)")), ("repair", tr("Repair, for old devices"))),
                tr("A bare CR or LF can hide a second message. Repair only on listeners for trusted devices; each is counted."),
            )
        )
        card.add_fields(
            fields.addresses(
                "proxy_protocol_from",
                tr("Proxies that are believed"),
                tr("Load balancers in front of this listener that send a PROXY header. From them it is required."),
                add_text=tr("Add a proxy"),
            )
        )
        self.column.addWidget(card)

    def _build_limits(self) -> None:
        fields = self.fields
        card = Card(tr("Limits"), tr("What exceeds one is refused with a reply that says so, and counted."))
        card.add_fields(
            fields.number("limits.connections", tr("Connections")),
            fields.number("limits.connections_per_address", tr("Of them from one address")),
            fields.number("limits.recipients", tr("Recipients per message")),
        )
        more = Disclosure(tr("More limits"))
        more.add_fields(
            fields.number("limits.messages_per_connection", tr("Messages per connection")),
            fields.number("limits.commands_without_mail", tr("Commands without mail")),
            fields.number("limits.errors", tr("Errors per connection")),
        )
        more.add_fields(
            fields.number("limits.idle_seconds", tr("Idle at most"), seconds()),
            fields.number("limits.session_seconds", tr("Connection at most"), seconds()),
        )
        more.add_fields(
            fields.number("limits.data_seconds", tr("One message at most"), seconds()),
            fields.number("limits.data_bytes_per_second", tr("Slowest sender"), tr("octets per second")),
        )
        card.add(more)
        self.column.addWidget(card)

    def filled(self) -> None:
        report = self._reports.get(str(self.model.get("id")))
        problem = report.problem if report is not None else ""
        self.problem.setVisible(bool(problem))
        if problem:
            self.problem.tell(Tone.BAD, tr("This listener has a problem."), said(problem))
        self.certificate.look()

    def follow(self) -> None:
        show_when(self.model.get("tls") != "none", self.certificate)
        self.mode.set_help(mode_help(str(self.model.get("mode"))))
        self.handling.follow()

    # --- the list ---

    async def load_more(self) -> None:
        status = await self.context.session.client.status()
        self._reports = {report.id: report for report in status.relay.listeners}

    def line(self, one: Plain) -> Line:
        report = self._reports.get(str(one.get("id", "")))
        port = report.port if report is not None else one["port"]
        where = f"[{one['address']}]:{port}" if ":" in str(one["address"]) else f"{one['address']}:{port}"
        parts = [where] if one["description"] else []
        parts += [mode_words(one["mode"]), tls_words(one["tls"])]
        if report is not None and report.connections:
            parts.append(ntr("{n} connection", "{n} connections", report.connections))
        word, tone = _state(one, report)
        return Line(str(one["description"] or where), " · ".join(parts), word, tone)


def _state(one: Plain, report: ListenerReport | None) -> tuple[str, Tone]:
    if not one["enabled"]:
        return tr("Disabled"), Tone.NEUTRAL
    if report is None or report.state.value == "closed":
        return tr("Closed"), Tone.NEUTRAL
    if report.state.value == "failed":
        return tr("Not listening"), Tone.BAD
    if report.problem:
        return tr("Has a problem"), Tone.WARNING
    return mark_of(one) or (tr("Listening"), Tone.GOOD)


def mode_words(mode: str) -> str:
    return {
        "mx": tr("Everybody (MX)"),
        "submission": tr("Users who sign in (submission)"),
        "trusted": tr("Trusted networks only"),
    }.get(mode, mode)


def mode_help(mode: str) -> str:
    return {
        "mx": tr("Strangers reach only the domains of inbound gateways."),
        "submission": tr("And clients in trusted networks. Usually port 587, or 465 with TLS from the start."),
        "trusted": tr("Others are turned away at once."),
    }.get(mode, "")


def tls_words(value: str) -> str:
    return {
        "none": tr("not encrypted"),
        "starttls": tr("STARTTLS offered"),
        "starttls-required": tr("STARTTLS required"),
        "tls": tr("TLS from the start"),
    }.get(value, value)
