"""The cards of inbound gateways: which domains, which recipients, how mail is held for the primary."""

from __future__ import annotations

from ....model.gateway import DomainVerification, GatewayMode
from ....model.smartermail import SmarterMailUserVerification
from ...cards import Banner, Card, ChoiceField, Disclosure, FieldRow, ListField, NumberField, Switch, TextField, Tone
from ...forms import Form
from ...i18n import tr
from . import words
from .draft import GatewayDraft
from .sending_card import add_limits, retry_fields


class AssignedDomainsCard(Card):
    """Outbound (Specific Domains)."""

    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("Assigned domains"), tr("Mail from senders in these domains takes this gateway."))
        help_text = tr("*.example.com stands for every domain below example.com. More can be assigned on the Domains page.")
        domains = ListField(add_text=tr("Add a domain"), placeholder="example.com")
        self.domains = form.add("domains", FieldRow(tr("Domains"), domains, help_text))
        self.add(self.domains)

    def follow(self) -> None:
        """Nothing here depends on another field."""


class DomainsCard(Card):
    """Domain Forward."""

    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("Domains"), tr("For which domains mail is accepted and handed on to the primary."))
        self._draft = draft
        self.check = form.add(
            "domain_verification", FieldRow(tr("Domain Verification"), ChoiceField(words.domain_verifications()))
        )
        self.add(self.check)
        domains = ListField(add_text=tr("Add a domain"), placeholder="example.com")
        self.domains = form.add("domains", FieldRow(tr("Domains"), domains))
        self.add(self.domains)
        self.by_service = Banner(
            Tone.ACCENT, "", tr("The SmarterMail server is asked for its domains: fill in the SmarterMail Gateway card below.")
        )
        self.add(self.by_service)
        self.anyone = Banner(
            Tone.WARNING,
            tr("This accepts mail for anyone."),
            tr(
                "Every domain but the listed ones is accepted, and no recipient is checked. Turn on a user verification below "
                "unless the primary refuses what is not its own."
            ),
        )
        self.add(self.anyone)
        self.confirm = form.add("accept_for_anyone", FieldRow("", Switch(tr("I know that this accepts mail for anyone"))))
        self.add(self.confirm)

    def follow(self) -> None:
        draft = self._draft
        check = draft.get("domain_verification")
        by_service = check == DomainVerification.WEB_SERVICE.value
        all_but = check == DomainVerification.ALL_BUT_SPECIFIED.value
        self.domains.setVisible(not by_service)
        self.domains.set_help(
            tr("Accepted is every domain but these.")
            if all_but
            else tr("*.example.com stands for every domain below example.com.")
        )
        self.by_service.setVisible(by_service)
        is_open = all_but and not _verifies(draft)
        self.anyone.setVisible(is_open)
        self.confirm.setVisible(is_open)


def _verifies(draft: GatewayDraft) -> bool:
    """Whether anybody is asked if a recipient is real."""
    by_service = draft.get("smartermail.user_verification") == SmarterMailUserVerification.WEB_SERVICE.value
    return bool(
        draft.get("verification.call_forward")
        or draft.get("verification.use_list")
        or (draft.get("smartermail.enabled") and by_service)
    )


class HoldingCard(Card):
    """Backup MX."""

    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("Holding"), tr("How mail is kept for the primary while it is away."))
        self.accept = form.add("holding.accept", FieldRow(tr("Accept"), ChoiceField(words.accept_policies())))
        keep = FieldRow(tr("Keep for"), NumberField(unit=tr("days")))
        probe = FieldRow(tr("Look for the primary every"), NumberField(unit=tr("seconds")))
        form.add("holding.keep_days", keep)
        form.add("holding.probe_seconds", probe)
        self.add_fields((self.accept, 2), (keep, 1), (probe, 1))
        self.accept.set_help(
            tr(
                "“Only while the primary is down” sends everybody else to the primary (451), which stops spammers who aim "
                "at the weakest server."
            )
        )
        self.split = Disclosure(tr("Domains for split DNS"))
        domains = ListField(add_text=tr("Add a domain"), placeholder="example.com")
        self.split.add(
            form.add(
                "domains",
                FieldRow(
                    tr("Domains"),
                    domains,
                    tr(
                        "Accepted without looking up where their mail goes. Usually empty: a domain is accepted when one of "
                        "its mail servers has one of the addresses above."
                    ),
                ),
            )
        )
        self.add(self.split)

    def follow(self) -> None:
        """Nothing here depends on another field."""


class VerificationCard(Card):
    """Domain Forward: is the recipient real."""

    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(
            tr("Verification"), tr("Recipients who do not exist are refused at once, instead of bouncing mail later.")
        )
        self._draft = draft
        self.ask = form.add(
            "verification.call_forward",
            FieldRow(
                "",
                Switch(tr("SMTP User Verification")),
                tr("Asks the primary for each recipient that is not known yet. No message is sent."),
            ),
        )
        self.add(self.ask)
        self.use_list = form.add("verification.use_list", FieldRow("", Switch(tr("A list of addresses"))))
        self.add(self.use_list)
        addresses = ListField(add_text=tr("Add an address"), placeholder="user@example.com")
        self.addresses = form.add("verification.addresses", FieldRow(tr("Addresses"), addresses))
        self.add(self.addresses)
        self.file = form.add(
            "verification.address_file",
            FieldRow(
                tr("File of addresses"),
                TextField(),
                tr("On the relay’s machine; one address a line, “#” begins a comment. Read again when it changes."),
            ),
        )
        self.add(self.file)
        cache = FieldRow(tr("Remember an answer for"), NumberField(unit=tr("minutes")))
        form.add("verification.cache_minutes", cache)
        self.unknown = FieldRow(tr("When nobody can answer"), ChoiceField(words.when_unknown()))
        form.add("verification.when_unknown", self.unknown)
        self.details = self.add_fields((cache, 1), (self.unknown, 2))

    def follow(self) -> None:
        draft = self._draft
        lists = bool(draft.get("verification.use_list"))
        self.addresses.setVisible(lists)
        self.file.setVisible(lists)
        self.details.setVisible(_verifies(draft))
        self.unknown.set_help(
            tr("As the mode suggests: the sender is asked to try again later.")
            if draft.mode == GatewayMode.DOMAIN_FORWARD.value
            else tr("As the mode suggests: the message is accepted and held.")
        )


class DeliveryCard(Card):
    """Limits and retries towards the primary."""

    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(tr("Delivery to the primary"))
        add_limits(self, form)
        self.retries = retry_fields(form)
        self.add(self.retries)

    def follow(self) -> None:
        """Nothing here depends on another field."""
