"""The fields of a sign-in by OAuth 2.0, as the Authentication card and the first steps both show them."""

from __future__ import annotations

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import QPushButton, QWidget

from ....model.oauth import OAuthFlow, OAuthProvider
from ....model.report import OAuthReport, OAuthState, SecretReport
from ...cards import (
    Banner,
    ChoiceField,
    Disclosure,
    FieldRow,
    Flow,
    SecretChange,
    SecretField,
    TextField,
    Tone,
    field_line,
    rows,
)
from ...forms import Form, FormModel
from ...i18n import tr
from ...relay_texts import said
from ...words import moment_text


def providers() -> list[tuple[str, str]]:
    return [
        (OAuthProvider.MICROSOFT.value, "Microsoft 365"),
        (OAuthProvider.GOOGLE.value, "Google"),
        (OAuthProvider.OTHER.value, tr("Another provider")),
    ]


def flows() -> list[tuple[str, str]]:
    return [
        (OAuthFlow.DELEGATED.value, tr("A person, once")),
        (OAuthFlow.APPLICATION.value, tr("The application")),
    ]


class OAuthFields(QWidget):
    """``secret`` is not part of the draft: it goes to the vault once the gateway is saved."""

    sign_in_wanted = Signal()
    sign_out_wanted = Signal()
    doctor_wanted = Signal()

    def __init__(self, form: Form, draft: FormModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self._report: OAuthReport | None = None
        self._form = form
        layout = rows(self)
        self.provider = form.add("auth.oauth.provider", FieldRow(tr("Provider"), ChoiceField(providers())))
        self.flow = form.add("auth.oauth.flow", FieldRow(tr("Who signs in"), ChoiceField(flows())))
        layout.addWidget(field_line(self.provider, self.flow))
        self.tenant = form.add("auth.oauth.tenant", FieldRow(tr("Tenant"), TextField("example.com")))
        self.client_id = form.add("auth.oauth.client_id", FieldRow(tr("Client ID"), TextField(tr("Application (client) ID"))))
        layout.addWidget(field_line(self.tenant, self.client_id))
        self.secret = SecretField(tr("Client secret"))
        self.secret.changed.connect(form.changed)
        self.secret_row = FieldRow(tr("Client secret"), self.secret)
        self.expires = form.add(
            "auth.oauth.secret_expires",
            FieldRow(tr("The secret ends on"), TextField("2027-11-28"), tr("You are warned 30 days before.")),
            empty_is_none=True,
        )
        layout.addWidget(field_line(self.secret_row, self.expires))
        self.more = Disclosure(tr("Addresses and scope"))
        self.authorize_url = form.add(
            "auth.oauth.authorize_url", FieldRow(tr("Sign-in URL"), TextField()), empty_is_none=True
        )  # fmt: skip
        self.token_url = form.add("auth.oauth.token_url", FieldRow(tr("Token URL"), TextField()), empty_is_none=True)
        self.scope = form.add("auth.oauth.scope", FieldRow(tr("Scope"), TextField()))
        self.more.add_fields(self.authorize_url, self.token_url)
        self.more.add(self.scope)
        layout.addWidget(self.more)
        self.state = Banner(Tone.NEUTRAL)
        layout.addWidget(self.state)
        buttons = QWidget()
        flow = Flow(buttons)
        self.sign_in = self._button(tr("Sign in…"), "oauth-sign-in", self.sign_in_wanted)
        self.sign_out = self._button(tr("Sign out"), "oauth-sign-out", self.sign_out_wanted)
        self.doctor = self._button(tr("Doctor"), "oauth-doctor", self.doctor_wanted)
        self.doctor.setToolTip(tr("Looks at every step of the sign-in, and says what to do where one fails."))
        for button in (self.sign_in, self.sign_out, self.doctor):
            flow.addWidget(button)
        layout.addWidget(buttons)

    def _button(self, text: str, name: str, wanted: SignalInstance) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.clicked.connect(wanted)
        return button

    def set_stored(self, report: SecretReport | None, sent: SecretChange | None = None) -> None:
        """The client secret; ``sent`` as of ``SecretField``."""
        self.secret.set_stored(report, sent)

    def show_report(self, report: OAuthReport | None) -> None:
        """How the sign-in stands; None: nothing is known, as of a gateway that is not saved yet."""
        self._report = report
        self.follow()

    @property
    def is_application(self) -> bool:
        return bool(self._draft.get("auth.oauth.flow") == OAuthFlow.APPLICATION.value)

    @property
    def is_signed_in(self) -> bool:
        """As far as is known."""
        return self._report is not None and self._report.state is OAuthState.SIGNED_IN

    def follow(self) -> None:
        draft = self._draft
        if not draft.draft:
            return
        provider = draft.get("auth.oauth.provider")
        is_google, is_application = provider == OAuthProvider.GOOGLE.value, self.is_application
        is_service_account = is_google and is_application
        self.tenant.setVisible(provider == OAuthProvider.MICROSOFT.value)
        domain = tr("Its ID, or one of its domains.")
        self.tenant.set_help(domain if is_application else tr("Its ID, or one of its domains. Empty: any organization."))
        self.client_id.setVisible(not is_service_account)
        self.secret_row.set_caption(tr("Service account key (JSON)") if is_service_account else tr("Client secret"))
        self.secret_row.set_help(self._about_secret(str(provider), is_application))
        self.authorize_url.setVisible(not is_application)
        if provider == OAuthProvider.OTHER.value and not self.more.is_open:
            self.more.open()
        self.sign_in.setVisible(not is_application)
        self.sign_out.setVisible(not is_application and self._report is not None and self._report.since is not None)
        self.sign_in.setText(tr("Sign in again…") if self.is_signed_in else tr("Sign in…"))
        self._tell_state(is_application)

    def _about_secret(self, provider: str, is_application: bool) -> str:
        if provider == OAuthProvider.GOOGLE.value:
            if is_application:
                return tr("Paste the whole file. Domain-wide delegation must allow it the scope https://mail.google.com/.")
            return tr("Register the client as a desktop app; Google gives it a secret, too.")
        if provider == OAuthProvider.MICROSOFT.value and not is_application:
            return tr("Empty for a public client, with http://localhost as the address of a mobile and desktop application.")
        return ""

    def _tell_state(self, is_application: bool) -> None:
        report = self._report
        if report is not None and report.state is OAuthState.FAILING:
            self.state.tell(Tone.BAD, said(report.problem), said(report.hint))
        elif report is not None and report.state is OAuthState.SIGNED_IN:
            who = report.account or str(self._draft.get("auth.username"))
            title = tr("The application gets its tokens.") if is_application else tr("Signed in as {name}.", name=who)
            self.state.tell(Tone.GOOD, title, self._about_token(report))
        elif is_application:
            text = tr("It signs in by itself, as soon as it has a secret.")
            self.state.tell(
                Tone.NEUTRAL, text if not self.secret.will_be_there else tr("It signs in by itself when mail leaves.")
            )
        else:
            self.state.tell(Tone.WARNING, tr("Nobody has signed in yet."), tr("Until then mail of this gateway waits."))

    def _about_token(self, report: OAuthReport) -> str:
        found = []
        if report.token_until is not None:
            found.append(tr("The token is good until {time}, and is renewed by itself.", time=moment_text(report.token_until)))
        if report.sign_in_until is not None:
            found.append(tr("The sign-in ends on {time}.", time=moment_text(report.sign_in_until)))
        return " ".join(found)
