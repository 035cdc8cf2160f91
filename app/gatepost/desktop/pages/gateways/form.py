"""The form of one gateway: its cards by mode, verifying, saving, and what is said about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QPushButton, QWidget

from ....model.errors import GatepostError, InvalidInput, Issue
from ....model.gateway import AuthMethod, CertificateCheck, GatewayMode
from ....model.oauth import client_secret_name
from ....model.report import GatewayReport, SecretReport, VaultReport
from ....model.secret import Secret
from ...cards import (
    Badge,
    Banner,
    PageBody,
    PageHeader,
    SaveBar,
    SecretAction,
    SecretChange,
    Tone,
    assign_mnemonics,
    confirm,
    rows,
)
from ...context import AppContext
from ...forms import Form, Outcome, save
from ...forms.wording import words as issue_words
from ...i18n import ntr, tr
from ...models.rows import Spawn
from ...relay_texts import said, told
from ...theme import Role, set_role
from ..handling import HandlingCard
from . import words
from .authentication_card import AuthenticationCard
from .draft import GatewayDraft, is_outbound
from .inbound_cards import AssignedDomainsCard, DeliveryCard, DomainsCard, HoldingCard, VerificationCard
from .moves import agree_to_moves
from .options_card import OptionsCard
from .sending_card import SendingCard
from .sign_in import SignInDialog, open_in_browser
from .smartermail_card import SmarterMailGatewayCard
from .spam_card import SpamGatewayCard
from .verify_dialog import Verdict, VerifyDialog

_VERIFY_KEY = "gateways/verify-before-save"


class GatewayForm(QWidget):
    """``show_gateway`` with what the relay has. Nothing is written but by ``save``."""

    back_requested = Signal()
    saved = Signal()
    duplicate_requested = Signal()
    delete_requested = Signal()
    test_requested = Signal()

    def __init__(self, context: AppContext, spawn: Spawn, parent: QWidget | None = None) -> None:
        """``spawn`` runs what takes long, as long as the page lives; what fails becomes the page's banner."""
        super().__init__(parent)
        self._context = context
        self._spawn = spawn
        self._reports: dict[str, GatewayReport] = {}
        self._is_busy = False
        self._saving = asyncio.Lock()
        self.open_url = open_in_browser
        self.draft = GatewayDraft()
        self.form = Form(self.draft, self)
        self._build()
        self.form.changed.connect(self._follow)

    # --- building ---

    def _build(self) -> None:
        outer = rows(self, gap=0)
        self.body = PageBody()
        outer.addWidget(self.body, 1)
        self.header = PageHeader(tr("Gateway"), back=tr("Gateways"))
        self.header.back_requested.connect(self.back_requested)
        self.badge = Badge()
        self.header.add_action(self.badge)
        self._test = self._action(tr("Send test message"), self.test_requested)
        self._duplicate = self._action(tr("Duplicate"), self.duplicate_requested)
        self._delete = self._action(tr("Delete"), self.delete_requested)
        set_role(self._delete, Role.DANGER)
        self.body.add(self.header)
        self.trouble = Banner(Tone.BAD)
        self.trouble.hide()
        self.body.add(self.trouble)
        self.resting = Banner(Tone.WARNING)
        self.resting.hide()
        self.body.add(self.resting)
        self._build_cards()
        self.bar = SaveBar()
        self.verify_button = QPushButton(tr("Verify connection"))
        self.verify_button.setObjectName("gateway-verify")
        self.verify_button.clicked.connect(self._verify_clicked)
        self.bar.add_button(self.verify_button)
        self.bar.save.setObjectName("gateway-save")
        self.bar.save_requested.connect(self._save_clicked)
        self.bar.revert_requested.connect(self.revert)
        outer.addWidget(self.bar)
        shortcut = QShortcut(QKeySequence.StandardKey.Save, self)
        shortcut.activated.connect(self._save_clicked)

    def _action(self, text: str, signal: Any) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(signal)
        self.header.add_action(button)
        return button

    def _build_cards(self) -> None:
        form, draft = self.form, self.draft
        self.options = OptionsCard(form, draft)
        self.options.verify_first.setChecked(self._context.preferences.flag(_VERIFY_KEY, True))
        self.options.verify_first.toggled.connect(lambda on: self._context.preferences.set_flag(_VERIFY_KEY, on))
        self.authentication = AuthenticationCard(form, draft)
        oauth = self.authentication.oauth
        oauth.sign_in_wanted.connect(lambda: self._spawn(self.sign_in(), "sign in"))
        oauth.sign_out_wanted.connect(lambda: self._spawn(self.sign_out(), "sign out"))
        oauth.doctor_wanted.connect(lambda: self._spawn(self.examine(), "sign-in doctor"))
        self.sending = SendingCard(form, draft)
        self.handling = HandlingCard(form, of_gateway=True)
        self.assigned = AssignedDomainsCard(form, draft)
        self.holding = HoldingCard(form, draft)
        self.domains = DomainsCard(form, draft)
        self.verification = VerificationCard(form, draft)
        self.delivery = DeliveryCard(form, draft)
        self.smartermail = SmarterMailGatewayCard(form, draft)
        self.smartermail.test.clicked.connect(lambda: self._spawn(self.test_smartermail(), "test SmarterMail"))
        self.spam = SpamGatewayCard(form, draft)
        outbound, inbound = set(words.OUTBOUND), set(words.INBOUND)
        self._cards: tuple[tuple[Any, set[str]], ...] = (
            (self.options, outbound | inbound),
            (self.authentication, outbound),
            (self.handling, outbound),
            (self.sending, outbound),
            (self.assigned, {GatewayMode.SPECIFIC_DOMAINS.value}),
            (self.holding, {GatewayMode.BACKUP_MX.value}),
            (self.domains, {GatewayMode.DOMAIN_FORWARD.value}),
            (self.verification, {GatewayMode.DOMAIN_FORWARD.value}),
            (self.delivery, inbound),
            (self.smartermail, outbound | inbound),
            (self.spam, inbound),
        )
        for card, _ in self._cards:
            self.body.add(card)

    # --- showing ---

    def show_gateway(
        self,
        gateway: dict[str, Any],
        revision: int | None,
        *,
        is_new: bool,
        secrets: dict[str, SecretReport],
        vault: VaultReport,
    ) -> None:
        """Begin with this gateway; what was typed before is gone."""
        self._secrets = secrets
        self._vault = vault
        self.draft.begin(gateway, revision, is_new=is_new)
        self.authentication.oauth.show_report(None)
        self._show_secrets()
        self.form.refresh()
        self._spawn(self.read_sign_in(), "read the sign-in")
        self.body.verticalScrollBar().setValue(0)
        self._show_state()

    def _show_secrets(self, sent: tuple[tuple[SecretChange, SecretChange], SecretChange] | None = None) -> None:
        """``sent``: what was just handed to the vault, of the Authentication and of the SmarterMail card."""
        identifier = self.draft.draft["id"]
        self.authentication.set_stored(
            self._secrets.get(f"gateway/{identifier}/password"),
            self._secrets.get(client_secret_name(identifier)),
            self._vault,
            sent[0] if sent else None,
        )
        self.smartermail.set_stored(self._secrets.get(f"gateway/{identifier}/smartermail"), sent[1] if sent else None)

    def follow_relay(self, gateways: Sequence[dict[str, Any]], revision: int) -> bool:
        """Show what the relay has now, unless something was typed. False when the gateway is not there any more."""
        if self.draft.is_new or self.is_dirty or self._saving.locked():
            return True
        found = next((one for one in gateways if one["id"] == self.gateway_id), None)
        if found is not None and found != self.draft.original:
            self.draft.begin(found, revision)
            self.form.refresh()
            self._show_state()
        return found is not None

    def focus_first(self) -> None:
        """Into the first field that is empty, or the first of all."""
        field = self.options.host.field if is_outbound(self.draft.mode) else self.options.addresses.field
        (field if self.draft.is_new else self.options.mode.field).setFocus()

    def show_reports(self, reports: dict[str, GatewayReport]) -> None:
        self._reports = reports
        self._show_state()

    @property
    def gateway_id(self) -> str:
        return str(self.draft.draft.get("id", ""))

    @property
    def is_dirty(self) -> bool:
        if not self.draft.draft:
            return False
        changes = (*self.authentication.changes(), self.smartermail.password.change())
        return self.draft.is_dirty or any(change.action is not SecretAction.KEEP for change in changes)

    def _follow(self) -> None:
        """Show what the draft asks for."""
        draft = self.draft
        if not draft.draft:
            return
        for card, modes in self._cards:
            card.setVisible(draft.mode in modes)
            card.follow()
        self.bar.setVisible(self.is_dirty or draft.is_new)
        self._test.setVisible(is_outbound(draft.mode) and not draft.is_new)
        for button in (self._duplicate, self._delete):
            button.setVisible(not draft.is_new)
        if not self._is_busy:
            self._tell_issues()
        assign_mnemonics(self)

    def _tell_issues(self) -> None:
        names = self.form.wrong_captions
        strays = self.form.stray_issues
        if names:
            self.bar.set_text(
                ntr("{n} field is not right: {names}", "{n} fields are not right: {names}", len(names), names=", ".join(names)),
                is_wrong=True,
            )
        elif strays:
            self.bar.set_text(issue_words(strays[0]), is_wrong=True)
        elif self.draft.is_new and not self.is_dirty:
            self.bar.set_text(tr("A new gateway. It is saved when you say so."))
        else:
            self.bar.set_text(tr("Changes are not saved."))
        self.bar.revert.setEnabled(self.is_dirty)

    def _show_state(self) -> None:
        draft = self.draft
        if not draft.draft:
            return
        saved = draft.original
        self.header.set_title(tr("New gateway") if draft.is_new else words.name_of(saved))
        report = self._reports.get(self.gateway_id)
        self.badge.setVisible(not draft.is_new)
        self.badge.set(*words.health_of(saved, report))
        is_resting = report is not None and saved.get("enabled", True) and bool(report.cause) and report.health != "healthy"
        self.resting.setVisible(is_resting)
        if report is not None and is_resting:
            probe = tr("It is tried again at {time}.", time=words.moment(report.next_probe)) if report.next_probe else ""
            self.resting.tell(
                Tone.WARNING, tr("No mail takes this gateway now."), "\n".join(filter(None, (said(report.cause), probe)))
            )
        self.smartermail.show_report(report)
        self._follow()

    # --- verifying ---

    def _verify_clicked(self) -> None:
        self._spawn(self.verify(), "verify")

    async def verify(self, *, for_saving: bool = False) -> bool:
        """Try the connection as it stands in the form; whether it may be saved as far as that goes."""
        self.draft.show_all()
        if not self.draft.is_valid:
            self._refused()
            return False
        while True:
            dialog = VerifyDialog(
                self._context.session.client, self.draft.candidate(), self._typed_password(), for_saving=for_saving, parent=self
            )
            verdict = await dialog.run()
            if dialog.refused:
                self._refused(dialog.refused)
                return False
            if verdict is Verdict.PIN and dialog.certificate is not None:
                self.draft.set(
                    "certificate", {"check": CertificateCheck.FINGERPRINT.value, "fingerprint": dialog.certificate.fingerprint}
                )
                self.form.refresh()
                continue
            return verdict in (Verdict.PASSED, Verdict.SAVE_ANYWAY)

    def _typed_password(self) -> Secret | None:
        return self.authentication.typed

    # --- signing in by OAuth 2.0 ---

    async def sign_in(self) -> None:
        """In the browser, with what stands in the form: it need not be saved before."""
        if not self._is_usable():
            return
        client, card = self._context.session.client, self.authentication
        report = await SignInDialog(client, self.draft.candidate(), card.typed, self, open_url=self.open_url).run()
        if report is not None:
            card.oauth.show_report(report)

    async def sign_out(self) -> None:
        identifier = self.gateway_id
        text = tr("Mail of this gateway waits until somebody signs in again.")
        if await confirm(self, tr("Sign out?"), text, tr("Sign out"), is_dangerous=True):
            report = await self._context.session.client.oauth_forget(identifier)
            if identifier == self.gateway_id:
                self.authentication.oauth.show_report(report)

    async def examine(self) -> None:
        if self._is_usable():
            client, typed = self._context.session.client, self.authentication.typed
            dialog = VerifyDialog(client, self.draft.candidate(), typed, for_saving=False, is_doctor=True, parent=self)
            await dialog.run()
            if dialog.refused:
                self._refused(dialog.refused)
            await self.read_sign_in()

    async def read_sign_in(self) -> None:
        """How the sign-in of the saved gateway stands."""
        auth = self.draft.original.get("auth") or {}
        if self.draft.is_new or not auth.get("enabled") or auth.get("method") != AuthMethod.OAUTH.value:
            return
        identifier = self.gateway_id
        report = await self._context.session.client.oauth_status(identifier)
        if identifier == self.gateway_id:
            self.authentication.oauth.show_report(report)

    def _is_usable(self) -> bool:
        self.draft.show_all()
        if not self.draft.is_valid:
            self._refused()
        return self.draft.is_valid

    async def test_smartermail(self) -> None:
        """Sign in at the SmarterMail server as the card stands, and say what it has."""
        self.draft.show_all()
        if not self.draft.is_valid:
            self._refused()
            return
        card, identifier = self.smartermail, self.gateway_id
        card.tell_testing()
        try:
            found = await self._context.session.client.test_smartermail(self.draft.candidate(), card.password.change().value)
        except GatepostError as error:
            if identifier != self.gateway_id:
                return  # it takes minutes where nobody answers: another gateway is shown by now
            if isinstance(error, InvalidInput):
                card.tell_refused()
                self._refused(error.issues)
            else:
                card.tell_failed(said(error.title), told(error.detail, error.hint))
        else:
            if identifier == self.gateway_id:
                card.tell_tested(found)

    # --- saving ---

    def _save_clicked(self) -> None:
        if self.bar.isVisible() and not self._is_busy:
            self._spawn(self.save(), "save")

    async def settled(self) -> None:
        """Returns once no save is under way."""
        async with self._saving:
            pass

    async def save(self) -> bool:
        """Verify where that is wanted, save, hand the passwords to the vault. Whether it is saved."""
        async with self._saving:
            return await self._save()

    async def _save(self) -> bool:
        self.draft.show_all()
        if not self.draft.is_valid:
            self._refused()
            return False
        if self.options.verify_first.isChecked() and self.draft.get("enabled") and not await self.verify(for_saving=True):
            return False
        self._busy(True)
        try:
            return await self._write()
        finally:
            self._busy(False)

    async def _write(self) -> bool:
        session = self._context.session
        draft = self.draft
        is_new, identifier = draft.is_new, self.gateway_id
        if not is_new and not await agree_to_moves(self, session.client, identifier, draft.candidate()):
            return False

        async def send(candidate: dict[str, Any], revision: int | None) -> Any:
            if is_new:
                return await session.client.add("gateways", candidate, revision=revision)
            return await session.client.replace("gateways", identifier, candidate, revision=revision)

        (password, client_secret), remote = self.authentication.changes(), self.smartermail.password.change()
        outcome = await save(self, draft, send, None if is_new else lambda: session.client.object("gateways", identifier))
        if outcome is Outcome.REFUSED:
            self._refused()
            return False
        if outcome not in (Outcome.SAVED, Outcome.LEFT):
            self.form.refresh()
            return False
        try:
            await self._store(f"gateway/{identifier}/password", password.action, password.value)
            await self._store(client_secret_name(identifier), client_secret.action, client_secret.value)
            await self._store(f"gateway/{identifier}/smartermail", remote.action, remote.value)
        finally:
            # Saved, whatever became of the passwords: what the vault refused stays typed, and is tried by saving again.
            self._secrets = {report.name: report for report in await session.client.secrets()}
            self.form.refresh()
            self._show_state()
            self.saved.emit()
        if identifier == self.gateway_id:
            self._show_secrets(((password, client_secret), remote))
        self._show_state()
        await self.read_sign_in()
        self._context.messages.clear_banner("gateways")
        return True

    async def _store(self, name: str, action: SecretAction, value: Secret | None) -> None:
        client = self._context.session.client
        if action is SecretAction.REPLACE and value is not None:
            await client.set_secret(name, value)
        elif action is SecretAction.REMOVE:
            await client.delete_secret(name)

    def revert(self) -> None:
        self.draft.revert()
        self._show_secrets()
        self.form.refresh()
        self._show_state()

    def _refused(self, issues: Sequence[Issue] = ()) -> None:
        """``issues``: what the relay said; else the form's own."""
        if issues:
            self.draft.merge(issues)
        self._follow()
        self.form.jump_to_first_issue()

    def _busy(self, is_busy: bool) -> None:
        self._is_busy = is_busy
        self.bar.set_busy(is_busy, tr("Saving…"))
        self.verify_button.setEnabled(not is_busy)
        if not is_busy:
            self._follow()
