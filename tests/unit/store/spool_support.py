"""Messages and clocks for the spool's tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

if sys.platform != "win32":
    import resource

from gatepost.model.envelope import BodyType, Envelope, Origin, Recipient
from gatepost.store.values import Delivery, DeliveryResult, NewMessage, RecipientOutcome, RecipientState

NOW = 1_790_000_000.0
HOUR = 3600.0
DAY = 24 * HOUR


@contextmanager
def disk_takes_nothing() -> Iterator[None]:
    """Every write to a file fails, as on a disk that is full or broken. Only for what this process writes itself."""
    if sys.platform == "win32":
        pytest.skip("files have no limit there")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Clock:
    """Time that tests move."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def recipients(*addresses: str) -> tuple[Recipient, ...]:
    return tuple(Recipient(address) for address in addresses)


def message(
    *parts: tuple[str, tuple[Recipient, ...]], sender: str = "alice@example.com", content: Any = b"Hello\r\n", **fields: Any
) -> NewMessage:
    parts = parts or (("pool", recipients("bob@example.org")),)
    everyone = tuple(recipient for _, members in parts for recipient in members)
    origin = Origin("mx-1", "192.0.2.7", "client.example", "ESMTPS", "TLSv1.3 TLS_AES_256_GCM_SHA384", "")
    fields.setdefault("received_at", NOW)
    fields.setdefault("due_at", NOW)
    fields.setdefault("expires_at", NOW + 5 * DAY)
    fields.setdefault("delay_notice_at", NOW + 4 * HOUR)
    return NewMessage(Envelope(sender, everyone, BodyType.EIGHT_BIT_MIME, origin=origin), content, parts, **fields)


def finished(delivery: Delivery, state: RecipientState = RecipientState.RELAYED, **fields: Any) -> DeliveryResult:
    """Every recipient got its final state."""
    return DeliveryResult(delivery, tuple(RecipientOutcome(r.id, state, "250 2.0.0 ok") for r in delivery.recipients), **fields)


def deferred(delivery: Delivery, due_at: float, reply: str = "450 4.2.0 later", **fields: Any) -> DeliveryResult:
    outcomes = tuple(RecipientOutcome(r.id, RecipientState.WAITING, reply) for r in delivery.recipients)
    return DeliveryResult(delivery, outcomes, due_at=due_at, **fields)
