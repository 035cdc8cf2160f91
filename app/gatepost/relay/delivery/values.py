"""What delivery's parts say to each other: a job, its outcome, a session, and why a hop could not be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ...model.envelope import BodyType, Notify
from ...model.errors import Unavailable
from ...model.reply import Reply


class Stage(StrEnum):
    """How far a session or a transaction had come."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    FINAL_DOT = "final-dot"
    RSET = "rset"


class FailureKind(StrEnum):
    """Why a hop could not be used. Each is a reason to try the next hop."""

    DNS = "dns"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    LOST = "lost"
    """The other side closed or reset the connection."""
    REFUSED = "refused"
    """A 4xx or 5xx reply (421 included) at the banner or EHLO."""
    PROTOCOL = "protocol"
    """Something that is not SMTP, or too much of it."""
    TLS = "tls"
    CERTIFICATE = "certificate"
    AUTH = "auth"
    SECRET = "secret"  # noqa: S105 - a kind, not a secret
    CONTENT = "content"
    """Our own copy of the message cannot be read."""
    SHUTDOWN = "shutdown"
    """We closed: the relay stops, or the hop's configuration changed."""


class HopFailure(Unavailable):
    """No usable session with a next hop. ``title`` says what happened, ``detail`` what was seen, ``hint`` the way out."""

    code = "hop-failure"

    def __init__(
        self,
        stage: Stage,
        kind: FailureKind,
        title: str,
        detail: str = "",
        hint: str = "",
        *,
        reply: Reply | None = None,
        address: str = "",
        source_address: str = "",
        permanent: bool = False,
        dialogue: Sequence[str] = (),
        sign_in_anew: bool = False,
    ) -> None:
        super().__init__(title, detail, hint)
        self.stage = stage
        self.kind = kind
        self.reply = reply
        self.address = address
        self.source_address = source_address
        self.permanent = permanent
        """The name does not exist (NXDOMAIN) as opposed to: could not be resolved now."""
        self.dialogue = tuple(dialogue)
        self.sign_in_anew = sign_in_anew
        """A token that had worked was refused: another session with a new one is worth a try."""

    @property
    def text(self) -> str:
        """What happened, without the hint: for the journal and the message's waiting state."""
        return f"{self.title} {self.detail}".strip()

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a hop failure does not leave its process")


@dataclass(frozen=True, slots=True)
class Features:
    """What the other side announced in its last EHLO reply."""

    names: frozenset[str] = frozenset()
    pipelining: bool = False
    eight_bit_mime: bool = False
    smtputf8: bool = False
    dsn: bool = False
    size: bool = False
    size_limit: int = 0
    """Octets; 0: no fixed limit (RFC 1870)."""
    max_recipients: int = 0
    """In one transaction; 0: none announced (RFC 9422 RCPTMAX)."""
    auth: tuple[str, ...] = ()
    """Mechanisms, upper case, in the order announced."""


BEYOND_LIMIT = Reply(452, "4.5.3", "Too many recipients for one transaction with this server")
"""Stands as the reply for recipients that were not offered, because the server had announced how many it takes."""


@dataclass(frozen=True, slots=True)
class TlsState:
    """How a session is secured. ``certificate`` is the other side's in DER form."""

    version: str
    cipher: str
    certificate: bytes
    verified: bool
    """Its certificate was checked (system trust or fingerprint), not merely received."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 hexadecimal digits."""
        import hashlib

        return hashlib.sha256(self.certificate).hexdigest()

    def __str__(self) -> str:
        return f"{self.version} {self.cipher}"


@dataclass(frozen=True, slots=True)
class Session:
    """A connection that is ready for transactions, as a value."""

    address: str
    port: int
    source_address: str
    greeting: str
    features: Features
    tls: TlsState | None = None
    user: str = ""
    dialogue: tuple[str, ...] = ()
    """From the banner to the sign-in, secrets masked: lines beginning ``S: `` or ``C: ``, notes beginning ``-- ``."""


class Addressee(Protocol):
    """One recipient as the sender needs it (``model.envelope.Recipient`` and the spool's rows both fit)."""

    @property
    def address(self) -> str: ...
    @property
    def notify(self) -> Notify: ...
    @property
    def orcpt(self) -> str: ...


class FileContent(Protocol):
    """Content that stays on disk until it is sent (the store's BodyFile)."""

    @property
    def path(self) -> Path: ...
    @property
    def size(self) -> int: ...


Content = bytes | FileContent


@dataclass(slots=True, eq=False)
class Job:
    """One mail transaction to make: one message, one next hop, some recipients.

    ``content`` None: only ask about the recipients (MAIL, RCPT…, RSET) and send nothing.
    """

    sender: str
    recipients: Sequence[Addressee]
    content: Content | None
    body: BodyType = BodyType.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    tag: object = None
    """The submitter's own; delivery does not look at it."""
    returns: int = 0
    """How often a kept connection turned out dead before the job had begun on it."""


class OutcomeState(StrEnum):
    COMPLETED = "completed"
    """Every recipient has a reply, positive or not: see ``Outcome.results``."""
    LOST = "lost"
    """The connection ended before the final dot: nothing was accepted; try elsewhere at once."""
    UNKNOWN = "unknown"
    """The connection ended after the final dot and before its reply: it may have been delivered."""
    NOT_STARTED = "not-started"
    """Nothing was tried (shutdown, or the hop's configuration changed). Plan it again; no attempt was made."""
    HOP_FAILED = "hop-failed"
    """No session could be set up: ``failure`` says why. Try the next hop."""
    NEEDS_CONVERSION = "needs-conversion"
    """8-bit content and the other side does not announce 8BITMIME. Nothing was sent; convert it or bounce (5.6.3)."""
    UNSENDABLE = "unsendable"
    """What the other side announces rules the message out (SMTPUTF8, SIZE); nothing was sent, ``final`` says why."""


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """``is_local``: the reply is ours, not the other side's."""

    recipient: Addressee
    reply: Reply
    stage: Stage
    is_local: bool = False


@dataclass(slots=True, eq=False)
class Outcome:
    """What became of a job. Replies are decoded when asked for; keep it no longer than needed."""

    state: OutcomeState
    job: Job
    session: Session | None = None
    failure: HopFailure | None = None
    stage: Stage = Stage.FINAL_DOT
    """Where it ended: the stage that was refused, lost, or FINAL_DOT."""
    mail: Reply | None = None
    recipients: Sequence[Reply | None] = field(default=())
    """By index of ``job.recipients``: the reply to RCPT; None where none came."""
    data: Reply | None = None
    final: Reply | None = None
    """The reply to the final dot, or our own words for UNSENDABLE."""
    milliseconds: float = 0.0
    sent_octets: int = 0
    number: int = 0
    """Which transaction of its connection it was, from 1; 0 where it was none that ended in order."""

    @property
    def is_delivered(self) -> bool:
        """Every recipient was taken by the next hop."""
        return (
            self.state is OutcomeState.COMPLETED
            and self.final is not None
            and self.final.is_positive
            and all(reply is not None and reply.is_positive for reply in self.recipients)
        )

    def results(self) -> list[RecipientResult]:
        """The reply that decides for each recipient, in order. Only for COMPLETED and UNSENDABLE.

        For a job without content it is the reply to RCPT (or to MAIL, where that was refused).
        """
        if self.state is OutcomeState.UNSENDABLE:
            assert self.final is not None  # noqa: S101 - the sender always says why
            return [RecipientResult(recipient, self.final, self.stage, True) for recipient in self.job.recipients]
        if self.state is not OutcomeState.COMPLETED:
            raise ValueError(f"an outcome “{self.state}” decides nothing")
        if self.mail is None or not self.mail.is_positive:
            refusal = self.mail or Reply(451, "4.4.2", "No reply to MAIL")
            return [RecipientResult(recipient, refusal, Stage.MAIL) for recipient in self.job.recipients]
        if self.final is not None:
            whole: Reply | None = self.final
            stage = Stage.FINAL_DOT
        else:
            whole, stage = self.data, Stage.DATA
        found: list[RecipientResult] = []
        for recipient, reply in zip(self.job.recipients, self.recipients, strict=True):
            own = reply or Reply(451, "4.4.2", "No reply to RCPT")
            if own.is_positive and whole is not None and self.job.content is not None:
                found.append(RecipientResult(recipient, whole, stage))
            else:
                found.append(RecipientResult(recipient, own, Stage.RCPT))
        return found
