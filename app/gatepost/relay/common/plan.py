"""What routing answers when the queue asks where a message goes, and what the queue reports back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...model.reply import Reply
from ...model.value import value
from .hop import NextHop


@value(frozen=True, slots=True)
class Candidates:
    """Next hops to try in this order, in one attempt. The first one was counted (rotation, caps); before going on to
    another, ask ``Router.claim(hop)``."""

    hops: tuple[NextHop, ...]
    only_domain: str = ""
    """Set when these hops serve only the recipients at this domain, though the lane may hold others as well (a row
    that falls back to direct delivery)."""
    why: str = ""
    """Why the first of them, for the message's story: ``its turn in Round Robin``."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can take the message now. ``until``: seconds since the epoch; None: nobody knows, follow the schedule."""

    until: float | None
    waiting_for: str
    """For people: what it waits for and why."""
    reply: Reply | None = None
    """Recorded as the message's last reply where a cause deserves one (``451 4.4.3`` for DNS)."""
    is_alone: bool = False
    """Only this message waits, for its recipients at the domain that was asked for: others of its lane may have a way."""


@dataclass(frozen=True, slots=True)
class Reject:
    """No attempt will ever succeed: the domain does not exist, or takes no mail."""

    reply: Reply


Plan = Candidates | Wait | Reject


class HopOutcome(StrEnum):
    """What an attempt says about the hop; not about the message or its recipients."""

    SUCCESS = "success"
    """A session was set up and transactions were answered, whatever became of the recipients."""
    FAILURE = "failure"
    """No connection, TLS, sign-in, or a 421/4xx that concerns the hop itself."""
    ADDRESS_BLOCKED = "address-blocked"
    """A reply named a block list or a policy on our address."""
    NOT_TRIED = "not-tried"
    """Nothing was attempted after all: what the plan had counted is given back."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """Whether mail of a lane can leave now, asked before any of it is fetched."""

    is_open: bool
    until: float | None = None
    """When it is worth asking again, in seconds since the epoch; None: only a change of configuration helps."""
    reason: str = ""


class HealthState(StrEnum):
    HEALTHY = "healthy"
    RESTING = "resting"
    PROBING = "probing"
    """The rest is over: one message at a time is let through to see."""


@dataclass(frozen=True, slots=True)
class HopHealth:
    """One hop, source address or mail host, for people. Times in seconds since the epoch, None: never."""

    key: str
    label: str
    state: HealthState
    cause: str = ""
    since: float | None = None
    next_probe: float | None = None
    failures: int = 0
    last_success: float | None = None
    last_failure: float | None = None
