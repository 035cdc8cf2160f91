"""The Authentication card: signing in at the next hop."""

from __future__ import annotations

from ....model.gateway import Encryption
from ....model.report import SecretReport, VaultReport
from ...cards import Banner, Card, FieldRow, SecretField, Switch, TextField, Tone
from ...forms import Form
from ...i18n import tr
from .draft import GatewayDraft


class AuthenticationCard(Card):
    """``password`` is not part of the draft: it goes to the vault, once the gateway is saved."""

    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("Authentication"))
        self._draft = draft
        self.enabled = form.add("auth.enabled", FieldRow("", Switch(tr("Enable Authentication"))))
        self.add(self.enabled)
        self.username = form.add("auth.username", FieldRow(tr("Auth Username"), TextField()))
        self.password = SecretField()
        self.password.changed.connect(form.changed)
        self.password_row = FieldRow(tr("Auth Password"), self.password)
        self.line = self.add_fields(self.username, self.password_row)
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

    def set_stored(self, report: SecretReport | None, vault: VaultReport) -> None:
        self._vault = vault
        self.password.set_stored(report)

    def follow(self) -> None:
        draft = self._draft
        is_on = bool(draft.get("auth.enabled"))
        self.line.setVisible(is_on)
        may_be_clear = draft.get("encryption") in (Encryption.NONE.value, Encryption.OPPORTUNISTIC.value)
        self.allow.setVisible(is_on and may_be_clear)
        vault = self._vault
        is_troubled = is_on and vault is not None and not vault.usable
        self.vault_trouble.setVisible(is_troubled)
        if vault is not None and is_troubled:
            title = vault.problem or tr("There is no place to keep passwords.")
            self.vault_trouble.tell(Tone.BAD, title, vault.hint)
        self.missing.setVisible(is_on and not is_troubled and vault is not None and not self.password.will_be_there)
