"""The Authentication card: signing in at the next hop."""

from __future__ import annotations

from ....model.gateway import AuthMethod, Encryption
from ....model.report import SecretReport, VaultReport
from ....model.secret import Secret
from ...cards import Banner, Card, ChoiceField, FieldRow, SecretChange, SecretField, Switch, TextField, Tone
from ...forms import Form
from ...i18n import tr
from ...relay_texts import said
from .draft import GatewayDraft
from .oauth_fields import OAuthFields


class AuthenticationCard(Card):
    """``password`` and the client secret are not part of the draft: they go to the vault, once the gateway is saved."""

    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("Authentication"))
        self._draft = draft
        self.enabled = form.add("auth.enabled", FieldRow("", Switch(tr("Enable Authentication"))))
        self.add(self.enabled)
        self.method = form.add("auth.method", FieldRow(tr("Method"), ChoiceField(methods())))
        self.username = form.add("auth.username", FieldRow(tr("Auth Username"), TextField()))
        self.password = SecretField()
        self.password_row = form.add_secret("auth.password", FieldRow(tr("Auth Password"), self.password))
        self.head = self.add_fields(self.method)
        self.line = self.add_fields(self.username, self.password_row)
        self.oauth = OAuthFields(form, draft)
        self.add(self.oauth)
        self.vault_trouble = Banner(Tone.BAD)
        self.add(self.vault_trouble)
        self.missing = Banner(Tone.WARNING, "", tr("There is no password yet: signing in will fail."))
        self.add(self.missing)
        self.allow = form.add(
            "auth.allow_cleartext",
            FieldRow(
                "",
                Switch(tr("Send the password over an unencrypted connection")),
                tr("Anybody on the way can read it and use it. Choose an encryption instead wherever you can."),
            ),
        )
        self.add(self.allow)
        self._vault: VaultReport | None = None

    def set_stored(
        self,
        report: SecretReport | None,
        client_secret: SecretReport | None,
        vault: VaultReport,
        sent: tuple[SecretChange, SecretChange] | None = None,
    ) -> None:
        """``sent``: the ``changes`` that were just handed to the vault."""
        self._vault = vault
        self.password.set_stored(report, sent[0] if sent else None)
        self.oauth.set_stored(client_secret, sent[1] if sent else None)

    @property
    def uses_oauth(self) -> bool:
        return bool(self._draft.get("auth.enabled")) and self._draft.get("auth.method") == AuthMethod.OAUTH.value

    @property
    def typed(self) -> Secret | None:
        """What was typed to sign in with: the password, or the client secret."""
        return (self.oauth.secret if self.uses_oauth else self.password).change().value

    def changes(self) -> tuple[SecretChange, SecretChange]:
        """What is to become of the stored password, and of the stored client secret."""
        return self.password.change(), self.oauth.secret.change()

    def follow(self) -> None:
        draft = self._draft
        is_on, is_oauth = bool(draft.get("auth.enabled")), self.uses_oauth
        self.head.setVisible(is_on)
        self.line.setVisible(is_on)
        self.username.set_caption(tr("Mailbox") if is_oauth else tr("Auth Username"))
        self.password_row.setVisible(not is_oauth)
        self.oauth.setVisible(is_oauth)
        if is_oauth:
            self.oauth.follow()
        may_be_clear = draft.get("encryption") in (Encryption.NONE.value, Encryption.OPPORTUNISTIC.value)
        self.allow.setVisible(is_on and may_be_clear)
        vault = self._vault
        is_troubled = is_on and vault is not None and not vault.usable
        self.vault_trouble.setVisible(is_troubled)
        if vault is not None and is_troubled:
            title = said(vault.problem) or tr("There is no place to keep passwords.")
            self.vault_trouble.tell(Tone.BAD, title, said(vault.hint))
        self.missing.setVisible(
            is_on and not is_oauth and not is_troubled and vault is not None and not self.password.will_be_there
        )


def methods() -> list[tuple[str, str]]:
    return [(AuthMethod.PASSWORD.value, tr("Password")), (AuthMethod.OAUTH.value, tr("OAuth 2.0 (Microsoft 365, Google)"))]
