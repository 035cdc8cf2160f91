"""The Options card: what kind of gateway, where it is, how the way to it is secured."""

from __future__ import annotations

from ....model.gateway import CertificateCheck, Encryption
from ...cards import (
    AddressListField,
    Banner,
    Card,
    ChoiceField,
    FieldRow,
    NumberField,
    Switch,
    TextField,
    Tone,
)
from ...forms import Form
from ...i18n import tr
from . import words
from .draft import GatewayDraft, is_outbound


class OptionsCard(Card):
    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("Options"))
        self._draft = draft
        mode = ChoiceField(words.modes())
        self.mode = form.add_custom("mode", FieldRow(tr("Gateway Mode"), mode), mode.set_value)
        mode.chosen.connect(lambda: draft.choose_mode(str(mode.value())))
        self.enabled = form.add("enabled", FieldRow(tr("Status"), Switch(tr("Enabled"))))
        self.add_fields((self.mode, 3), (self.enabled, 2))
        self._add_address(form, draft)
        self._add_encryption(form, draft)
        description = FieldRow(tr("Description"), TextField(tr("Such as “Main relay” or “Branch office”")))
        self.add_fields(form.add("description", description))
        self.verify_first = Switch(tr("Verify Connection before Save"))
        self.verify_first.setChecked(True)
        self.add(self.verify_first)

    def _add_address(self, form: Form, draft: GatewayDraft) -> None:
        self.host = form.add("host", FieldRow(tr("Server Address"), TextField("smtp.example.com")))
        self.add(self.host)
        port = NumberField()
        self.port = form.add_custom("port", FieldRow(tr("Port"), port), port.set_value)
        port.changed.connect(lambda: draft.type_port(port.value()))
        port.left.connect(lambda: draft.touch("port"))
        self.addresses = form.add(
            "addresses",
            FieldRow(
                tr("IP Addresses"),
                AddressListField(),
                tr(
                    "Of the primary mail server. Mail is delivered to single addresses and small ranges, in this order; from "
                    "all of them the primary may send outgoing mail through this server."
                ),
            ),
        )
        self.add(self.addresses)

    def _add_encryption(self, form: Form, draft: GatewayDraft) -> None:
        encryption = ChoiceField(words.encryptions())
        self.encryption = form.add_custom("encryption", FieldRow(tr("Encryption"), encryption), encryption.set_value)
        encryption.chosen.connect(lambda: draft.choose_encryption(str(encryption.value())))
        self.add_fields((self.encryption, 3), (self.port, 2))
        self.certificate = form.add("certificate.check", FieldRow(tr("Certificate"), ChoiceField(words.certificates())))
        self.add(self.certificate)
        fingerprint = TextField(tr("64 hexadecimal digits; verifying the connection offers the one it sees"))
        self.fingerprint = form.add(
            "certificate.fingerprint", FieldRow(tr("Fingerprint (SHA-256)"), fingerprint), empty_is_none=True
        )
        self.add(self.fingerprint)
        self.unverified = Banner(
            Tone.WARNING,
            tr("The certificate is not verified."),
            tr("The connection is encrypted, but nobody checks who is at the other end."),
        )
        self.add(self.unverified)
        self.clear_text = Banner(
            Tone.WARNING,
            tr("Everything travels unencrypted."),
            tr("Anybody on the way can read the mail. Fine inside a trusted network, not across the internet."),
        )
        self.add(self.clear_text)

    def follow(self) -> None:
        """Show what the mode and the encryption need."""
        draft = self._draft
        outbound = is_outbound(draft.mode)
        self.mode.set_help(words.mode_help(draft.mode))
        self.host.setVisible(outbound)
        self.addresses.setVisible(not outbound)
        encryption = draft.get("encryption")
        check = draft.get("certificate.check")
        is_secured = encryption != Encryption.NONE.value
        self.certificate.setVisible(is_secured)
        self.fingerprint.setVisible(is_secured and check == CertificateCheck.FINGERPRINT.value)
        self.unverified.setVisible(is_secured and check == CertificateCheck.NONE.value)
        self.clear_text.setVisible(not is_secured and (not outbound or draft.get("host") not in _OWN))
        for field, path in ((self.encryption.field, "encryption"), (self.port.field, "port")):
            value = draft.get(path)
            if isinstance(field, ChoiceField | NumberField) and field.value() != value:
                field.set_value(value)


_OWN = ("localhost", "127.0.0.1", "::1")
