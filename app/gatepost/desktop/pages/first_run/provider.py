"""Step 2 for sending: the provider's server and account, checked and saved."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ....model.fields import new_id
from ....model.gateway import PROPOSED_PORT, AuthMethod, Encryption, RoundRobinGateway
from ....model.oauth import client_secret_name, grant_name
from ....model.secret import Secret
from ...cards import (
    Banner,
    Card,
    ChoiceField,
    FieldRow,
    NumberField,
    SecretAction,
    SecretField,
    Switch,
    TextField,
    Tone,
    rows,
)
from ...context import AppContext
from ...i18n import tr
from ...models.rows import Spawn
from ...relay_texts import said
from ..gateways.authentication_card import methods
from ..gateways.oauth_fields import OAuthFields
from ..gateways.sign_in import SignInDialog, open_in_browser
from ..wording import encryption_words
from .gateway_step import GatewayStep, Plain
from .presets import PRESETS, name_of, preset, settings_of


class ProviderStep(GatewayStep):
    """``saved`` comes with the id of the gateway."""

    def __init__(self, context: AppContext, spawn: Spawn, parent: QWidget | None = None) -> None:
        super().__init__(context, spawn, RoundRobinGateway, parent)
        self._typed_port = False
        self.open_url = open_in_browser
        layout = rows(self)
        layout.addWidget(self._provider_card())
        layout.addWidget(self._server_card())
        layout.addLayout(self._foot())
        layout.addStretch(1)
        self.begin()

    # --- building ---

    def _provider_card(self) -> Card:
        card = Card(tr("Your provider"), tr("Who takes your mail and delivers it to the world?"))
        self.provider = ChoiceField([(one.key, name_of(one)) for one in PRESETS])
        self.provider.chosen.connect(self._choose_provider)
        self._provider_row = FieldRow(tr("Provider"), self.provider)
        self.region = ChoiceField()
        self.region.chosen.connect(self._choose_region)
        self._region_row = FieldRow(tr("Region"), self.region)
        card.add_fields(self._provider_row, self._region_row)
        self._note = Banner(Tone.ACCENT)
        card.add(self._note)
        return card

    def _server_card(self) -> Card:
        card = Card(tr("Server and account"))
        self.host = self.form.add("host", FieldRow(tr("Server Address"), TextField("smtp.example.com")))
        port = NumberField()
        port.changed.connect(self._port_typed)
        self.port = self.form.add("port", FieldRow(tr("Port"), port))
        encryption = ChoiceField([(one.value, encryption_words(one.value)) for one in Encryption])
        self.encryption = self.form.add("encryption", FieldRow(tr("Encryption"), encryption))
        encryption.chosen.connect(self._propose_port)
        card.add_fields((self.host, 3), (self.port, 1), self.encryption)
        auth = Switch(tr("The server wants a sign-in"))
        self.auth = self.form.add("auth.enabled", FieldRow("", auth))
        card.add(self.auth)
        self.username = self.form.add("auth.username", FieldRow(tr("Auth Username"), TextField()))
        self.secret = SecretField(tr("Auth Password"))
        row = FieldRow(tr("Auth Password"), self.secret, self._where_kept())
        self.password = self.form.add_secret("auth.password", row)
        self.secret.changed.connect(lambda: self.password.set_error(""))
        self.method = self.form.add("auth.method", FieldRow(tr("Method"), ChoiceField(methods())))
        self._method = card.add_fields(self.method)
        self._account = card.add_fields(self.username, self.password)
        self.oauth = OAuthFields(self.form, self.model)
        self.oauth.sign_in_wanted.connect(lambda: self._start(self._sign_in))
        self.oauth.sign_out_wanted.connect(lambda: self._start(self._sign_out))
        self.oauth.doctor.hide()
        card.add(self.oauth)
        self.form.changed.connect(self._follow)
        return card

    def _follow(self) -> None:
        is_on = bool(self.model.get("auth.enabled"))
        self._method.setVisible(is_on)
        self._account.setVisible(is_on)
        self.password.setVisible(not self._uses_oauth)
        self.oauth.setVisible(is_on and self._uses_oauth)
        self.oauth.follow()

    @property
    def _uses_oauth(self) -> bool:
        return bool(self.model.get("auth.method") == AuthMethod.OAUTH.value)

    def _where_kept(self) -> str:
        snapshot = self._context.session.snapshot
        kept = snapshot.status.relay.vault.label if snapshot is not None else ""
        return tr("Kept in {place}, and nowhere else.", place=said(kept)) if kept else ""

    # --- filling ---

    def begin(self) -> None:
        """An empty form for a new gateway."""
        gateway = RoundRobinGateway.model_construct(id=new_id("gw"), host="")
        draft = gateway.model_dump(mode="json", warnings=False)
        self.model.load(draft, None, is_new=True)
        self.oauth.show_report(None)
        self.provider.set_value("plain")
        self._choose_provider()

    def _choose_provider(self) -> None:
        one = preset(str(self.provider.value()))
        self.region.clear()
        for region in one.regions:
            self.region.addItem(region.name(), region.key)
        self._region_row.setVisible(bool(one.regions))
        self._note.tell(Tone.ACCENT, "", one.note() if one.note else "")
        self._note.setVisible(one.note is not None)
        self.username.set_caption(one.username() if one.username else tr("Auth Username"))
        self.password.set_caption(one.password() if one.password else tr("Auth Password"))
        self.oauth.provider.setVisible(not one.oauth)  # it has been chosen above
        self._typed_port = False
        self._fill(settings_of(one, str(self.region.value() or "")))

    def _choose_region(self) -> None:
        self._fill(settings_of(preset(str(self.provider.value())), str(self.region.value())))

    def _fill(self, settings: Plain) -> None:
        for path, value in settings.items():
            self.model.set(path, value)
        self.form.refresh()
        self._follow()

    def _port_typed(self) -> None:
        self._typed_port = True

    def _propose_port(self) -> None:
        if not self._typed_port:
            self._fill({"port": PROPOSED_PORT[Encryption(str(self.encryption.field.value()))]})  # type: ignore[attr-defined]

    # --- verifying and saving ---

    async def _sign_in(self) -> bool:
        """In the browser; whether somebody did."""
        self.model.show_all()
        if not self.model.is_valid:
            self.form.jump_to_first_issue()
            return False
        client = self._context.session.client
        report = await SignInDialog(client, self.model.candidate(), self._password(), self, open_url=self.open_url).run()
        if report is not None:
            self.oauth.show_report(report)
        return report is not None

    async def _sign_out(self) -> None:
        """Before it is saved there is no gateway to sign out: what the sign-in left is forgotten."""
        await self._context.session.client.delete_secret(grant_name(str(self.model.get("id"))))
        self.oauth.show_report(None)

    def _password(self) -> Secret | None:
        """Or the client secret."""
        change = (self.oauth.secret if self._uses_oauth else self.secret).change()
        return change.value if change.action is SecretAction.REPLACE else None

    def forget_secrets(self) -> None:
        """What was typed and not saved does not stay in a window that nobody looks at."""
        self.secret.reset()
        self.oauth.secret.reset()

    def _is_complete(self) -> bool:
        self.model.show_all()
        signs_in_by_password = bool(self.model.get("auth.enabled")) and not self._uses_oauth
        needs_password = signs_in_by_password and not self.secret.will_be_there
        self.password.set_error(tr("Type the password.") if needs_password else "")
        if not self.model.is_valid:
            self.form.jump_to_first_issue()
        elif needs_password:
            self.secret.setFocus()
        return self.model.is_valid and not needs_password

    async def _verify_and_save(self) -> None:
        if not self._is_complete():
            return
        signs_in_by_person = self.model.get("auth.enabled") and self._uses_oauth and not self.oauth.is_application
        if signs_in_by_person and not self.oauth.is_signed_in and not await self._sign_in():
            return
        if await self._verify(self._password()):
            await self._save()

    async def _save(self) -> None:
        client = self._context.session.client
        gateway = self.model.candidate()
        identifier = str(gateway["id"])
        password = self._password() if gateway["auth"]["enabled"] else None
        await (client.replace("gateways", identifier, gateway, dry_run=True) if self._is_stored
               else client.add("gateways", gateway, dry_run=True))  # fmt: skip
        if password is not None:  # first, so that the gateway never signs in without it
            await client.set_secret(self._secret_name(identifier), password)
        if self._is_stored:
            saved = await client.replace("gateways", identifier, gateway)
        else:
            saved = await client.add("gateways", gateway)
        self._is_stored = True
        self.model.load(saved.object, saved.revision)
        self.form.refresh()
        for report in await client.secrets():
            if report.name == self._secret_name(identifier):
                (self.oauth.secret if self._uses_oauth else self.secret).set_stored(report)
        self.saved.emit(identifier)

    def _secret_name(self, identifier: str) -> str:
        return client_secret_name(identifier) if self._uses_oauth else f"gateway/{identifier}/password"
