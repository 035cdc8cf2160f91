"""The SmarterMail Gateway card: the other side is a SmarterMail server."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QPushButton, QSizePolicy

from ....model.report import GatewayReport, SecretReport, SmarterMailReport
from ...cards import Banner, Card, ChoiceField, Facts, FieldRow, SecretChange, SecretField, Switch, TextField, Tone
from ...forms import Form
from ...i18n import format_count, mark, ntr, tr
from . import words
from .draft import GatewayDraft, is_outbound

_KINDS: Mapping[str, str] = {
    "default": mark("Default"),
    "waiting": mark("Waiting"),
    "virus": mark("Virus"),
    "spam": mark("Spam"),
    "throttledUsers": mark("Throttled users"),
    "throttledMailingLists": mark("Throttled mailing lists"),
    "throttledDomains": mark("Throttled domains"),
    "total": mark("In all"),
}
"""The server's own names of its spool counts; others are shown as it calls them."""


_LISTED = 12
"""Domains that are named after a test; of more, the first so many."""


class SmarterMailGatewayCard(Card):
    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("SmarterMail Gateway"), tr("Only where the other side is a SmarterMail server."))
        self._draft = draft
        self.enabled = form.add("smartermail.enabled", FieldRow("", Switch(tr("Enable SmarterMail Gateway Mode"))))
        self.add(self.enabled)
        self.url = form.add("smartermail.url", FieldRow(tr("SmarterMail URL"), TextField("https://mail.example.com")))
        self.add(self.url)
        self.allow = form.add(
            "smartermail.allow_http",
            FieldRow(
                "",
                Switch(tr("Speak to it without encryption")),
                tr("The administrator’s password travels readable for anybody on the way."),
            ),
        )
        self.add(self.allow)
        self.username = form.add(
            "smartermail.username", FieldRow(tr("SmarterMail Username"), TextField(tr("A system administrator")))
        )
        self.password = SecretField()
        password = form.add_secret("smartermail.password", FieldRow(tr("SmarterMail Password"), self.password))
        self.login = self.add_fields(self.username, password)
        self.missing = Banner(Tone.WARNING, "", tr("There is no password yet: signing in will fail."))
        self.add(self.missing)
        self.verification = form.add(
            "smartermail.user_verification",
            FieldRow(
                tr("User Verification"),
                ChoiceField(words.user_verifications()),
                tr("Web service: recipients are the server’s users, aliases and mailing lists."),
            ),
        )
        self.add(self.verification)
        self.test = QPushButton(tr("Test"))
        self.test.setObjectName("smartermail-test")
        self.test.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.add(self.test)
        self.result = Banner(Tone.GOOD)
        self.result.hide()
        self.add(self.result)
        self.counts = FieldRow(tr("Spool count of the SmarterMail server"), Facts())
        self.add(self.counts)
        self._report: GatewayReport | None = None

    def set_stored(self, report: SecretReport | None, sent: SecretChange | None = None) -> None:
        """``sent`` as of ``SecretField``."""
        self.password.set_stored(report, sent)
        self.test.setEnabled(True)
        self.result.hide()

    def tell_testing(self) -> None:
        self.test.setEnabled(False)
        self.result.tell(Tone.ACCENT, tr("Signing in at the SmarterMail server…"))
        self.result.show()

    def tell_tested(self, found: SmarterMailReport) -> None:
        self.test.setEnabled(True)
        domains = ntr("{n} domain", "{n} domains", len(found.domains))
        users = ntr("{n} user", "{n} users", found.users)
        self.result.tell(
            Tone.GOOD,
            tr("It works, by {interface}: {domains}, {users}.", interface=found.interface, domains=domains, users=users),
            ", ".join(found.domains[:_LISTED]) + (" …" if len(found.domains) > _LISTED else ""),
        )

    def tell_refused(self) -> None:
        """What is wrong stands under its field."""
        self.test.setEnabled(True)
        self.result.hide()

    def tell_failed(self, title: str, detail: str) -> None:
        self.test.setEnabled(True)
        self.result.tell(Tone.BAD, title, detail)

    def show_report(self, report: GatewayReport | None) -> None:
        """Its spool counts, as last read."""
        self._report = report
        if report is not None and report.remote_spool and isinstance(self.counts.field, Facts):
            self.counts.field.set(
                (tr(_KINDS[kind]) if kind in _KINDS else kind, format_count(count))
                for kind, count in report.remote_spool.items()
            )
            at = report.remote_spool_at
            self.counts.set_help(tr("Read at {time}.", time=words.moment(at)) if at is not None else "")
        self.follow()

    def follow(self) -> None:
        draft = self._draft
        if not draft.draft:
            return
        is_on = bool(draft.get("smartermail.enabled"))
        for part in (self.url, self.login, self.test):
            part.setVisible(is_on)
        self.allow.setVisible(is_on and str(draft.get("smartermail.url")).strip().casefold().startswith("http:"))
        self.verification.setVisible(is_on and not is_outbound(draft.mode))
        self.missing.setVisible(is_on and not self.password.will_be_there)
        has_counts = self._report is not None and bool(self._report.remote_spool)
        self.counts.setVisible(is_on and has_counts)
        if not is_on:
            self.result.hide()
