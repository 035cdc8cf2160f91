"""What a message carries besides its content: RFC 5321 envelope, RFC 3461 DSN parameters, where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from enum import IntFlag, StrEnum
from typing import Protocol

from .value import value


class Notify(IntFlag):
    """RFC 3461 §4.1 NOTIFY. ``UNSPECIFIED`` (no parameter) means: failures, and delays as we see fit."""

    UNSPECIFIED = 0
    NEVER = 1
    SUCCESS = 2
    FAILURE = 4
    DELAY = 8


class BodyType(StrEnum):
    """RFC 6152, RFC 3030."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


@value(frozen=True, slots=True)
class Recipient:
    """One RCPT: the address as ``local@domain`` (domain normalised), and its DSN parameters.

    ``orcpt`` is the RFC 3461 §4.2 value, still xtext-encoded, such as ``rfc822;bob@example.org``; empty if none.
    """

    address: str
    notify: Notify = Notify.UNSPECIFIED
    orcpt: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class Asking(Protocol):
    """A recipient, as far as its DSN parameters go."""

    @property
    def notify(self) -> Notify: ...

    @property
    def orcpt(self) -> str: ...


def redirected(address: str, recipients: Sequence[Asking]) -> Recipient:
    """The one who gets a message instead of ``recipients``, with what the sender wants to hear of them (RFC 3461 §4.1, §4.2).

    Whoever is not to be reported on does not count while there is another; NEVER stays when it was asked for all.
    """
    asked = [one.notify for one in recipients if one.notify is not Notify.NEVER]
    notify = Notify.NEVER if recipients and not asked else Notify.UNSPECIFIED
    if any(asked):
        for one in asked:
            notify |= one or Notify.FAILURE | Notify.DELAY  # no parameter: as we see fit
    return Recipient(address, notify, recipients[0].orcpt if len(recipients) == 1 else "")


@value(frozen=True, slots=True)
class Origin:
    """Where and how a message arrived."""

    listener: str = ""
    client: str = ""
    """Client address; empty for what Gatepost wrote itself (DSNs, test messages)."""
    helo: str = ""
    protocol: str = "SMTP"
    """RFC 3848 ``with`` name: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, UTF8SMTP…"""
    tls: str = ""
    """Protocol and cipher, such as ``TLSv1.3 TLS_AES_256_GCM_SHA384``; empty in the clear."""
    user: str = ""
    """Authenticated relay user; empty if none."""


@value(frozen=True, slots=True)
class Envelope:
    """``sender`` is empty for the null sender ``<>``."""

    sender: str
    recipients: tuple[Recipient, ...]
    body: BodyType = BodyType.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    """RFC 3461 RET: FULL, HDRS or empty."""
    envid: str = ""
    """RFC 3461 ENVID, still xtext-encoded."""
    origin: Origin = field(default_factory=Origin)

    @property
    def sender_domain(self) -> str:
        return self.sender.rpartition("@")[2]
