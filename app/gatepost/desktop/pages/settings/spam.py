"""Settings → Spam: the sources whose weights are summed up, and the thresholds of the levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....model.spam import SpamPolicy
from ...cards import Card, FieldRow
from ...i18n import tr
from .block_lists import BlockListsField
from .fields import seconds, show_when
from .form_section import FormSection

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from ..page import Page

MEGABYTE = 1_000_000


class SpamSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr(
            "Each source adds its weight; the sum decides the level. What happens then is set on each inbound gateway."
        )
        self._shown_while_on: list[tuple[str, QWidget]] = []
        super().__init__(page, tr("Spam"), subtitle, SpamPolicy, "spam")

    def build(self) -> None:
        self._build_levels()
        self._build_scanners()
        self._build_checks()
        self._build_lists()
        self._build_headers()
        self._build_exceptions()

    def _build_levels(self) -> None:
        fields = self.fields
        card = Card(tr("Levels"), tr("From which sum on mail counts as spam of this level."))
        card.add_fields(
            fields.number("low_threshold", tr("Low from"), decimals=True),
            fields.number("medium_threshold", tr("Medium from"), decimals=True),
            fields.number("high_threshold", tr("High from"), decimals=True),
        )
        card.add_fields(
            fields.number(
                "total_timeout_seconds", tr("Wait at most"), seconds(),
                tr("For all sources together; one that is late adds nothing."), decimals=True,
            ),
            fields.scaled("max_scan_bytes", tr("Look at the first"), "MB", MEGABYTE, tr("Of longer messages.")),
        )  # fmt: skip
        self.body.add(card)

    def _build_scanners(self) -> None:
        card = Card(tr("Scanners"), tr("Their score, times the weight, is added."))
        at_once = self.fields.number(
            "spamd.at_once", tr("Messages at a time"),
            help_text=tr("0: of a spamd on this machine, one fewer than it has processors, so that other mail is not slowed."),
        )  # fmt: skip
        self._scanner(card, "spamd", tr("SpamAssassin (spamd)"), at_once)
        self._scanner(card, "rspamd", tr("rspamd"))
        self.body.add(card)

    def _scanner(self, card: Card, path: str, name: str, *more: FieldRow) -> None:
        fields = self.fields
        card.add_fields(fields.switch(f"{path}.enabled", name))
        details = card.add_fields(
            (fields.text(f"{path}.host", tr("Host")), 2),
            (fields.number(f"{path}.port", tr("Port")), 1),
            (fields.number(f"{path}.weight", tr("Weight"), decimals=True), 1),
        )
        self._shown_while_on.append((f"{path}.enabled", details))
        if more:
            self._shown_while_on.append((f"{path}.enabled", card.add_fields(*more)))

    def _build_checks(self) -> None:
        card = Card(tr("Checks of the sender"))
        weight = tr("Weight")
        self._check(card, "spf", tr("SPF"), ("fail_weight", tr("Fail")), ("softfail_weight", tr("Soft fail")),
                    ("none_weight", tr("No policy")))  # fmt: skip
        self._check(card, "dkim", tr("DKIM"), ("fail_weight", tr("Wrong signature")), ("none_weight", tr("No signature")))
        self._check(card, "dmarc", tr("DMARC"), ("fail_weight", tr("Fail")))
        self._check(card, "reverse_dns", tr("The client's address has no name in DNS"), ("weight", weight))
        self._check(card, "null_sender", tr("The sender is empty (a bounce)"), ("weight", weight))
        self.body.add(card)

    def _check(self, card: Card, path: str, name: str, *weights: tuple[str, str]) -> None:
        card.add_fields(self.fields.switch(f"{path}.enabled", name))
        rows = [self.fields.number(f"{path}.{field}", words, decimals=True) for field, words in weights]
        self._shown_while_on.append((f"{path}.enabled", card.add_fields(*rows)))

    def _build_lists(self) -> None:
        card = Card(tr("DNS block lists"), tr("The client's address is looked up; a return code in the range adds the weight."))
        field = BlockListsField()
        row = FieldRow("", field)
        field.setAccessibleName(tr("DNS block lists"))
        field.changed.connect(lambda: self.form.put("block_lists", field.value()))
        self.form.add_custom("block_lists", row, field.set_value)
        card.add(row)
        self.body.add(card)

    def _build_headers(self) -> None:
        card = Card(tr("Scores of another scanner"), tr("Headers that a scanner at a trusted address wrote."))
        card.add_fields(self.fields.switch("scanner_headers.enabled", tr("Count such headers")))
        details = card.add_fields(
            (
                self.fields.addresses(
                    "scanner_headers.trusted_addresses", tr("Addresses of the scanner"),
                    tr("Others' headers of this kind are removed."),
                ),
                3,
            ),
            (self.fields.number("scanner_headers.weight", tr("Weight"), decimals=True), 1),
        )  # fmt: skip
        self._shown_while_on.append(("scanner_headers.enabled", details))
        self.body.add(card)

    def _build_exceptions(self) -> None:
        card = Card(tr("Allowed senders"))
        card.add_fields(
            self.fields.texts(
                "allowed_senders",
                tr("Never scored"),
                tr("Grows by “release and allow sender” on the Quarantine page."),
                placeholder="partner@example.org",
                add_text=tr("Add a sender"),
            )
        )
        self.body.add(card)

    def follow(self) -> None:
        for path, widget in self._shown_while_on:
            show_when(bool(self.model.get(path)), widget)
