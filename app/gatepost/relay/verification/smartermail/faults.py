"""What can go wrong with a SmarterMail server, in words for the administrator."""

from __future__ import annotations

from enum import StrEnum

from ....model.errors import Unavailable


class FaultKind(StrEnum):
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed-out"
    CERTIFICATE = "certificate"
    REDIRECTED = "redirected"
    TOO_LARGE = "too-large"
    NOT_SMARTERMAIL = "not-smartermail"
    CREDENTIALS = "credentials"
    TWO_FACTOR = "two-factor"
    NO_PASSWORD = "no-password"  # noqa: S105 - a kind, not a password
    REFUSED = "refused"
    EXPIRED = "expired"
    """The access token was not accepted any more; a new one is fetched once before this is shown."""


class SmarterMailFault(Unavailable):
    """A call that brought no answer. ``kind`` decides what happens next, the texts are for people."""

    code = "smartermail"

    def __init__(self, kind: FaultKind, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(title, detail, hint)
        self.kind = kind

    @property
    def is_credential_rejection(self) -> bool:
        """Trying again would get our address blocked: stop until the card is edited."""
        return self.kind in (FaultKind.CREDENTIALS, FaultKind.TWO_FACTOR)


def incomplete(name: str) -> SmarterMailFault:
    """An answer that lacks what was asked for: another version may name it otherwise."""
    return SmarterMailFault(
        FaultKind.REFUSED,
        "SmarterMail's answer lacks what was asked for.",
        f"It holds no “{name}”.",
        "Its version may be one that Gatepost does not know.",
    )
