"""What is known of a recipient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...model.reply import Reply


class RecipientState(StrEnum):
    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    """The source cannot answer now, or has nothing to say of this domain."""


@dataclass(frozen=True, slots=True)
class RecipientVerdict:
    """``source`` names who said so, ``reason`` is for people."""

    state: RecipientState
    source: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KnownVerdict:
    """A verdict with its age. ``fetched_at`` in seconds since the epoch."""

    gateway_id: str
    address: str
    verdict: RecipientVerdict
    fetched_at: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What RCPT is answered. ``reply`` None: accepted. ``hold``: the primary could not be asked."""

    reply: Reply | None
    words: str
    hold: bool = False


_OF_SENDER = ("5.1.7", "5.1.8")
"""RFC 3463 §3.2."""


def state_of_reply(reply: Reply) -> RecipientState:
    """What a primary's reply to RCPT says. Only an explicit “no such user” counts as invalid.

    That is an enhanced code 5.1.x, or a bare 550, 551 or 553; a policy (5.7.1), a full mailbox (5.2.2) or words about the
    sender (5.1.7, 5.1.8) say nothing of whether the address exists.
    """
    if 200 <= reply.code < 300:
        return RecipientState.VALID
    if reply.is_permanent:
        if reply.enhanced:
            if reply.enhanced.startswith("5.1."):
                return RecipientState.UNKNOWN if reply.enhanced in _OF_SENDER else RecipientState.INVALID
            return (
                RecipientState.INVALID
                if reply.enhanced == "5.0.0" and reply.code in (550, 551, 553)
                else RecipientState.UNKNOWN
            )
        if reply.code in (550, 551, 553):
            return RecipientState.INVALID
    return RecipientState.UNKNOWN
