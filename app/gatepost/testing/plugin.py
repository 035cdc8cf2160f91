"""Fixtures for pytest: ``gatepost_inbox``, empty for each test, of one ``gatepost_relay`` for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .inbox import Inbox
from .relay import CapturingRelay


@pytest.fixture(scope="session")
def gatepost_relay() -> Iterator[CapturingRelay]:
    """A relay that captures whatever is sent to its ``host`` and ``port``. With pytest-xdist, one for each worker."""
    with CapturingRelay() as relay:
        yield relay


@pytest.fixture
def gatepost_inbox(gatepost_relay: CapturingRelay) -> Inbox:
    """The inbox of that relay, empty. Send mail to its ``host`` and ``port``, and ``wait`` for it."""
    inbox = gatepost_relay.inbox()
    inbox.clear()
    return inbox
