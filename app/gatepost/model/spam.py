"""The Spam card: levels, actions, and the sources whose weights are summed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .fields import Domain, HeaderText, Host, Line, MailboxText, Model, Port, refused
from .network import AddressText


class SpamLevel(StrEnum):
    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class NoAction(Model):
    action: Literal["no-action"] = "no-action"


class Delete(Model):
    """Accepted and dropped; kept in tracking."""

    action: Literal["delete"] = "delete"


class Bounce(Model):
    """Refused with 550 5.7.1 at the end of DATA."""

    action: Literal["bounce"] = "bounce"
    text: Line = "Message refused: it looks like spam"


class PrefixSubject(Model):
    action: Literal["prefix-subject"] = "prefix-subject"
    text: Annotated[Line, Field(min_length=1)] = "SPAM:"


class AddHeader(Model):
    action: Literal["add-header"] = "add-header"
    header: HeaderText


class Redirect(Model):
    """The envelope recipient becomes this address."""

    action: Literal["redirect"] = "redirect"
    address: MailboxText


class ForwardCopy(Model):
    """Delivered, and a copy sent to this address."""

    action: Literal["forward-copy"] = "forward-copy"
    address: MailboxText


class Quarantine(Model):
    action: Literal["quarantine"] = "quarantine"
    days: Annotated[int, Field(ge=1, le=365)] = 30


SpamAction = Annotated[
    NoAction | Delete | Bounce | PrefixSubject | AddHeader | Redirect | ForwardCopy | Quarantine, Field(discriminator="action")
]


class SpamCard(Model):
    """What one inbound gateway does with each level."""

    enabled: bool = False
    none: SpamAction = NoAction()
    low: SpamAction = NoAction()
    medium: SpamAction = PrefixSubject()
    high: SpamAction = Quarantine()

    def action_for(self, level: SpamLevel) -> SpamAction:
        action: SpamAction = getattr(self, level.value)
        return action


class VirusAction(StrEnum):
    QUARANTINE = "quarantine"
    DELETE = "delete"
    BOUNCE = "bounce"


class ScannerDown(StrEnum):
    DEFER = "defer"
    ACCEPT_WITH_HEADER = "accept-with-header"


class Source(Model):
    enabled: bool = False


class SpamdSource(Source):
    """SpamAssassin's spamd. Its score times ``weight`` is added."""

    host: Host = "127.0.0.1"
    port: Port = 783
    weight: Annotated[float, Field(ge=0, le=100)] = 2.0
    at_once: Annotated[int, Field(ge=0, le=200)] = 0
    """Messages that it is asked about at a time; the others wait. 0: beside it on this machine one fewer than there are
    processors, so that sessions whose mail is not scored need not share theirs; elsewhere as many as are inspected."""


class RspamdSource(Source):
    """rspamd's HTTP controller. Its score times ``weight`` is added."""

    host: Host = "127.0.0.1"
    port: Port = 11333
    weight: Annotated[float, Field(ge=0, le=100)] = 2.0


class DnsBlockList(Source):
    zone: Domain
    return_codes: tuple[AddressText, ...] = ("127.0.0.2-127.0.0.254",)
    weight: Annotated[float, Field(ge=-100, le=100)] = 10.0


class WeighedSource(Source):
    weight: Annotated[float, Field(ge=-100, le=100)] = 5.0


class SpfSource(Source):
    fail_weight: float = 8.0
    softfail_weight: float = 4.0
    none_weight: float = 0.0


class DkimSource(Source):
    fail_weight: float = 4.0
    none_weight: float = 0.0


class DmarcSource(Source):
    fail_weight: float = 8.0


class ScannerHeaderSource(Source):
    """Scores that a scanner at a trusted address wrote into headers."""

    trusted_addresses: tuple[AddressText, ...] = ()
    weight: Annotated[float, Field(ge=0, le=100)] = 1.0


class SpamPolicy(Model):
    """Thresholds and sources, for all inbound gateways."""

    low_threshold: float = 10.0
    medium_threshold: float = 20.0
    high_threshold: float = 30.0
    total_timeout_seconds: Annotated[float, Field(ge=1, le=120)] = 20.0
    max_scan_bytes: Annotated[int, Field(ge=1024)] = 2_000_000
    spamd: SpamdSource = SpamdSource()
    rspamd: RspamdSource = RspamdSource()
    block_lists: tuple[DnsBlockList, ...] = ()
    spf: SpfSource = SpfSource()
    dkim: DkimSource = DkimSource()
    dmarc: DmarcSource = DmarcSource()
    reverse_dns: WeighedSource = WeighedSource()
    null_sender: WeighedSource = WeighedSource(weight=2.0)
    scanner_headers: ScannerHeaderSource = ScannerHeaderSource()
    allowed_senders: tuple[MailboxText, ...] = ()
    """Never scored; grown by “release and allow sender”."""

    @property
    def has_sources(self) -> bool:
        """Whether anything is asked at all."""
        single: tuple[Source, ...] = (
            self.spamd, self.rspamd, self.spf, self.dkim, self.dmarc, self.reverse_dns, self.null_sender, self.scanner_headers,
        )  # fmt: skip
        return any(source.enabled for source in (*single, *self.block_lists))

    @model_validator(mode="after")
    def _thresholds_rise(self) -> SpamPolicy:
        if not self.low_threshold < self.medium_threshold < self.high_threshold:
            field = "medium_threshold" if self.medium_threshold <= self.low_threshold else "high_threshold"
            raise refused(field, "the thresholds must rise from Low to Medium to High")
        return self


class VirusPolicy(Model):
    """clamd. ``socket`` (a path) wins over host and port when it is set."""

    enabled: bool = False
    socket: Line = ""
    host: Host = "127.0.0.1"
    port: Port = 3310
    timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 60.0
    infected: VirusAction = VirusAction.QUARANTINE
    quarantine_days: Annotated[int, Field(ge=1, le=365)] = 30
    scanner_down: ScannerDown = ScannerDown.DEFER
