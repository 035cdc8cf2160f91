"""Settings → Remote administration: the control API for other machines, its certificate, and who has a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QWidget

from ....model.errors import GatepostError
from ....model.fields import Model
from ....model.remote import RemoteSettings
from ...cards import Banner, Card, Dialog, Facts, FieldRow, Flow, TextField, Tone, confirm, label, line, rows
from ...i18n import tr
from ...relay_texts import said, told
from ...theme import Role, icon, monospace, set_role
from ...words import age_text, moment_text
from .fields import show_when
from .form_section import FormSection

if TYPE_CHECKING:
    from ....control.schema import EventMessage
    from ....model.remote import RemoteReport, TokenReport
    from ..page import Page


class _Shown(Model):
    remote: RemoteSettings


class RemoteSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("This relay can be administered from other machines, over TLS and only with a token.")
        super().__init__(page, tr("Remote administration"), subtitle, _Shown, "settings", "remote")

    def build(self) -> None:
        fields = self.fields
        card = Card(tr("Access"))
        self.problem = Banner(Tone.BAD)
        self.problem.hide()
        card.add(self.problem)
        card.add_fields(
            fields.switch(
                "remote.enabled", tr("Allow administration from other machines"),
                tr("Whoever has a token may do everything that you may here. Passwords are never shown to anybody."),
            )
        )  # fmt: skip
        self.where = card.add_fields(
            fields.text("remote.address", tr("Address"), tr("0.0.0.0: on every network of this machine.")),
            fields.number("remote.port", tr("Port")),
        )
        self.who = card.add_fields(
            fields.addresses(
                "remote.allowed", tr("Allowed clients"), tr("Empty: any address. Others are not even answered."),
                add_text=tr("Add an address"),
            )
        )  # fmt: skip
        self.called = card.add_fields(
            fields.texts(
                "remote.names", tr("Further names"), tr("By which other programs call this relay, such as admin.example.com."),
                add_text=tr("Add a name"),
            )
        )  # fmt: skip
        self.body.add(card)
        self.certificate = Card(
            tr("Certificate"), tr("Clients pin it: they compare this fingerprint once, and accept no other certificate.")
        )
        self.facts = Facts()
        self.certificate.add(self.facts)
        self.fingerprint = label("", wrap=True, selectable=True, mono=True)
        self.fingerprint.setAccessibleName(tr("Fingerprint (SHA-256)"))
        self.certificate.add(self.fingerprint)
        self.buttons = self._certificate_buttons()
        self.certificate.add(self.buttons)
        self.certificate.add_fields(
            fields.text("remote.certificate_file", tr("Certificate file"), tr("Empty: the relay makes one of its own.")),
            fields.text("remote.key_file", tr("Key file")),
        )
        self.body.add(self.certificate)
        self.tokens = Card(tr("Tokens"), tr("One for each person or program, so that each can be revoked by itself."))
        self.listed = QWidget()
        self._rows = rows(self.listed, gap=8)
        self.tokens.add(self.listed)
        self.make = QPushButton(icon("add"), tr("Make a token…"))
        self.make.setObjectName("make-token")
        self.make.clicked.connect(lambda: self.spawn(self.make_token(), "make a token"))
        holder = QWidget()
        flow = Flow(holder)
        flow.addWidget(self.make)
        self.tokens.add(holder)
        self.body.add(self.tokens)

    def _certificate_buttons(self) -> QWidget:
        holder = QWidget()
        flow = Flow(holder)
        copy = QPushButton(icon("copy", "accent"), tr("Copy"))
        copy.setAccessibleName(tr("Copy the fingerprint"))
        set_role(copy, Role.LINK)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.fingerprint.text().replace(" ", "")))
        self.renew = QPushButton(icon("refresh"), tr("Renew…"))
        self.renew.setAccessibleName(tr("Renew the certificate"))
        self.renew.clicked.connect(lambda: self.spawn(self.renew_certificate(), "renew the certificate"))
        flow.addWidget(copy)
        flow.addWidget(self.renew)
        return holder

    async def load(self) -> None:
        await super().load()
        client = self.context.session.client
        self._show(await client.remote())
        self._list(await client.tokens())

    def _show(self, report: RemoteReport) -> None:
        from ....control.far import grouped

        self.problem.setVisible(bool(report.problem))
        if report.problem:
            tone = Tone.WARNING if report.listening else Tone.BAD
            title = tr("Remote administration needs attention.") if report.listening else tr("The port is not open.")
            self.problem.tell(tone, title, told(report.problem, report.hint))
        has_one = bool(report.fingerprint)
        show_when(has_one, self.facts, self.fingerprint, self.buttons)
        self.renew.setVisible(report.is_own_certificate)
        if has_one:
            self.fingerprint.setText(grouped(report.fingerprint))
            state = tr("Listening on port {port}", port=report.port) if report.listening else tr("Not listening")
            found = [(tr("State"), state), (tr("Names"), ", ".join(report.names))]
            if report.not_after is not None:
                found.append((tr("Valid until"), moment_text(report.not_after)))
            self.facts.set(tuple(found))

    def _list(self, tokens: tuple[TokenReport, ...]) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if not tokens:
            self._rows.addWidget(label(tr("There are none: nobody gets in."), Role.MUTED, wrap=True))
        for token in tokens:
            self._rows.addWidget(self._row(token))

    def _row(self, token: TokenReport) -> QWidget:
        holder = QWidget()
        holder.setObjectName(f"token-{token.id}")
        layout = line(holder, gap=10)
        words = rows(gap=2)
        words.addWidget(label(token.name, Role.STRONG, wrap=True))
        made = tr("Made {when} by {who}", when=moment_text(token.created_at), who=said(token.created_by))
        if token.last_used_at is None:
            used = tr("never used")
        else:
            used = tr("last used {age} ago from {address}", age=age_text(token.last_used_at), address=token.last_address)
        words.addWidget(label(f"{made} · {used}", Role.MUTED, wrap=True))
        layout.addLayout(words, 1)
        revoke = QPushButton(tr("Revoke"))
        revoke.setAccessibleName(tr("Revoke: {name}", name=token.name))
        revoke.clicked.connect(lambda: self.spawn(self.revoke(token), "revoke a token"))
        layout.addWidget(revoke)
        return holder

    # --- what can be done ---

    async def make_token(self) -> None:
        dialog = NewTokenDialog(self)
        if await dialog.ask() != "make":
            return
        made, secret = await self.context.session.client.make_token(dialog.name.text())
        await ShownToken(self, made.name, secret.reveal()).ask()  # first: it can never be shown again
        await self.load()

    async def revoke(self, token: TokenReport) -> None:
        text = tr("Whoever uses it is shut out at once, also where a window is open.")
        if await confirm(self, tr("Revoke “{name}”?", name=token.name), text, tr("Revoke"), is_dangerous=True):
            await self.context.session.client.revoke_token(token.id)
            await self.load()

    async def renew_certificate(self) -> None:
        text = tr("No client connects before it has pinned the new one.")
        if await confirm(self, tr("Make a new certificate?"), text, tr("Renew"), is_dangerous=True):
            await self.context.session.client.renew_remote_certificate()

    def follow(self) -> None:
        show_when(bool(self.model.get("remote.enabled")), self.where, self.who, self.called, self.certificate)

    def on_event(self, event: EventMessage) -> None:
        super().on_event(event)
        if event.kind in ("remote.state", "remote.revoked"):
            self.spawn(self._reload_if_there(), "load")

    async def _reload_if_there(self) -> None:
        try:
            await self.load()
        except GatepostError as error:
            if error.status != 503:
                raise  # else: it was this very connection that ended; it is said, and loaded again once it is back


class NewTokenDialog(Dialog):
    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, tr("Make a token"))
        self.setObjectName("new-token")
        self.add(label(tr("Make a token"), Role.HEADING, wrap=True))
        self.name = TextField(tr("Ann's laptop"))
        self.name.setMaxLength(80)
        self.add(FieldRow(tr("Name"), self.name, tr("Who or what will use it.")))
        self.add_button("", tr("Cancel"))
        make = self.add_button("make", tr("Make"), Role.PRIMARY, is_default=True)
        make.setEnabled(False)
        self.name.textChanged.connect(lambda text: make.setEnabled(bool(text.strip())))
        self.name.setFocus()


class ShownToken(Dialog):
    """The one time that a token is seen."""

    def __init__(self, parent: QWidget | None, name: str, token: str) -> None:
        super().__init__(parent, tr("The new token"))
        self.setObjectName("shown-token")
        self.add(label(tr("The token for “{name}”", name=name), Role.HEADING, wrap=True))
        self.add(Banner(Tone.WARNING, tr("Keep it now: it is never shown again."), tr("Give it to nobody but its user.")))
        self.token = TextField()
        self.token.setText(token)
        self.token.setReadOnly(True)
        self.token.setFont(monospace())
        self.token.setCursorPosition(0)
        self.add(FieldRow(tr("Token"), self.token))
        copy = QPushButton(icon("copy"), tr("Copy"))
        copy.setObjectName("copy-token")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(token))
        self._buttons.addWidget(copy)
        self.add_button("", tr("Done"), Role.PRIMARY, is_default=True)
