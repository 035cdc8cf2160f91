"""One mail transaction as a protocol core without I/O: which commands to write, what each reply means.

RFC 5321 §3.3; grouped as RFC 2920 allows where PIPELINING is announced: MAIL, the RCPTs and DATA in one write. With
many recipients the groups are chunked, so that neither side must hold an unbounded number of commands or replies.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ...model.envelope import BodyType, Notify
from ...model.reply import Reply
from .values import BEYOND_LIMIT, Addressee, Features, Job, Outcome, OutcomeState, Session, Stage
from .wire import content_size, scan

GROUP = 100
"""RCPT commands written before their replies are awaited."""

_NOTIFY_NAMES = ((Notify.SUCCESS, "SUCCESS"), (Notify.FAILURE, "FAILURE"), (Notify.DELAY, "DELAY"))


class Step(Enum):
    """What the connection does after a reply."""

    WAIT = auto()
    WRITE = auto()
    """Write ``Transaction.pending``."""
    CONTENT = auto()
    """Write the content and the final dot."""
    LONE_DOT = auto()
    """Every recipient was refused and yet DATA was answered 354 (RFC 2920 §3.1): end the data with nothing in it."""
    FINISHED = auto()
    BROKEN = auto()
    """The replies make no sense; the session cannot be trusted any more."""


class Refused(Exception):
    """The message cannot be sent to this peer at all; ``state`` and ``reply`` say why. Nothing was written."""

    def __init__(self, state: OutcomeState, reply: Reply | None = None) -> None:
        super().__init__(str(reply) if reply else state.value)
        self.state = state
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Traits:
    """What must be known of the content before MAIL: 8-bit octets anywhere, and in the header."""

    eight_bit: bool = False
    eight_bit_header: bool = False


def known_traits(job: Job, features: Features) -> Traits | None:
    """The content's traits where they cost nothing; None when the file must be read for them."""
    content = job.content
    if content is None:
        return Traits()
    if isinstance(content, bytes):
        return Traits(*scan(content))
    if features.eight_bit_mime and (features.smtputf8 or not job.smtputf8) and job.body is not BodyType.SEVEN_BIT:
        return Traits(eight_bit=True)
    return None


class Transaction:
    """``opening`` gives the first octets to write; then ``on_reply`` for each reply, until FINISHED.

    Raises Refused when the peer's features rule the job out.
    """

    __slots__ = (
        "_accepted",
        "_asked",
        "_features",
        "_index",
        "_lines",
        "_pipelined",
        "_sent",
        "began",
        "data",
        "dot_written",
        "final",
        "job",
        "mail",
        "needs_reset",
        "pending",
        "phase",
        "recipients",
        "sent_octets",
    )

    def __init__(self, job: Job, features: Features, traits: Traits, began: float) -> None:
        self.job = job
        self.began = began
        self._features = features
        self._pipelined = features.pipelining
        total = len(job.recipients)
        self._asked = min(total, features.max_recipients or total)
        self._lines = _commands(job, features, traits, self._asked)
        self._sent = 0
        self._index = 0
        self._accepted = 0
        self.phase = Stage.MAIL
        self.mail: Reply | None = None
        self.recipients: list[Reply | None] = [None] * self._asked + [BEYOND_LIMIT] * (total - self._asked)
        self.data: Reply | None = None
        self.final: Reply | None = None
        self.pending = b""
        self.dot_written = False
        self.needs_reset = False
        """After the transaction the peer still holds an envelope: RSET comes before the next MAIL."""
        self.sent_octets = 0

    def opening(self, reset: bool) -> bytes:
        """The first write; with ``reset`` a RSET goes ahead of MAIL."""
        if reset:
            self.phase = Stage.RSET
        group = self._group()
        if not reset:
            return group
        if self._pipelined:
            return b"RSET\r\n" + group
        self.pending = group
        return b"RSET\r\n"

    def _group(self) -> bytes:
        """The next commands that may be written without waiting."""
        lines = self._lines
        start = self._sent
        end = min(len(lines), start + GROUP) if self._pipelined else start + 1
        self._sent = end
        return "".join(lines[start:end]).encode("utf-8")

    def on_reply(self, reply: Reply) -> Step:
        phase = self.phase
        if phase is Stage.RCPT:
            return self._on_recipient(reply)
        if phase is Stage.FINAL_DOT:
            self.final = reply
            return Step.FINISHED
        if phase is Stage.MAIL:
            self.mail = reply
            self.phase = Stage.RCPT if self.recipients else self._after_recipients
            if self._pipelined:
                return Step.WAIT
            return self._write_next() if reply.code // 100 == 2 else Step.FINISHED
        if phase is Stage.DATA:
            return self._on_data(reply)
        if phase is Stage.RSET:
            return self._on_reset(reply)
        # CONTENT: a verdict before the dot. Negative ones decide; a positive one is out of step.
        if reply.code < 400:
            return Step.BROKEN
        self.final = reply
        return Step.FINISHED

    def _on_recipient(self, reply: Reply) -> Step:
        self.recipients[self._index] = reply
        self._index += 1
        if reply.code // 100 == 2:
            self._accepted += 1
        if self._index == self._asked:
            self.phase = self._after_recipients
            if not self._pipelined and not self._accepted and self.phase is Stage.DATA:
                self.needs_reset = True
                return Step.FINISHED
        if self._pipelined and self._index + 1 < self._sent:
            return Step.WAIT
        if self._sent < len(self._lines):
            if self._pipelined and (self.mail is None or self.mail.code // 100 != 2):
                return Step.FINISHED  # MAIL was refused; the rest of the envelope need not be offered
            return self._write_next()
        return Step.WAIT

    @property
    def _after_recipients(self) -> Stage:
        return Stage.RSET if self.job.content is None else Stage.DATA

    def _write_next(self) -> Step:
        self.pending = self._group()
        return Step.WRITE

    def _on_data(self, reply: Reply) -> Step:
        self.data = reply
        if reply.code == 354:
            if self._accepted and self.mail is not None and self.mail.code // 100 == 2:
                self.phase = Stage.CONTENT
                return Step.CONTENT
            self.phase = Stage.FINAL_DOT
            return Step.LONE_DOT
        if reply.code < 400:
            return Step.BROKEN
        self.needs_reset = True
        return Step.FINISHED

    def _on_reset(self, reply: Reply) -> Step:
        if reply.code // 100 != 2:
            return Step.BROKEN
        if self.mail is not None:
            return Step.FINISHED  # the RSET that ends a question about recipients
        self.phase = Stage.MAIL
        return Step.WAIT if self._pipelined else Step.WRITE

    def fill(self, reply: Reply) -> None:
        """A 421 in the middle: what is still unanswered has this answer."""
        if self.mail is None:
            self.mail = reply
        self.recipients = [known or reply for known in self.recipients]
        if self.phase in (Stage.DATA, Stage.CONTENT) and self.data is None:
            self.data = reply
        elif self.phase in (Stage.FINAL_DOT, Stage.CONTENT):
            self.final = reply

    @property
    def has_begun(self) -> bool:
        """The peer answered something of it."""
        return self.mail is not None

    @property
    def may_be_delivered(self) -> bool:
        return self.dot_written and self.phase is Stage.FINAL_DOT and self._accepted > 0

    @property
    def is_decided(self) -> bool:
        """Every recipient has its answer although the transaction has not ended in order."""
        if self.mail is not None and self.mail.code >= 400:
            return True
        return self._index == self._asked and (self._accepted == 0 or self.job.content is None)

    def outcome(self, state: OutcomeState, session: Session | None, now: float) -> Outcome:
        refused_all = self._accepted == 0 and self.job.content is not None
        stage = self.phase
        if state is OutcomeState.COMPLETED:
            if self.mail is not None and self.mail.code >= 400:
                stage = Stage.MAIL
            elif refused_all:
                stage = Stage.RCPT
            elif self.final is not None:
                stage = Stage.FINAL_DOT
            elif self.data is not None:
                stage = Stage.DATA
            else:
                stage = Stage.RCPT
        return Outcome(
            state,
            self.job,
            session,
            None,
            stage,
            self.mail,
            self.recipients,
            self.data if not refused_all else None,
            self.final if not refused_all else None,
            (now - self.began) * 1000.0,
            self.sent_octets,
        )


def _commands(job: Job, features: Features, traits: Traits, asked: int) -> list[str]:
    """MAIL, the RCPTs for the first ``asked`` recipients, and DATA (or RSET, for a job that only asks)."""
    if job.content is not None:
        _check_size(job, features)
    utf8 = _uses_smtputf8(job, features, traits)
    eight_bit = traits.eight_bit or job.body is not BodyType.SEVEN_BIT
    if traits.eight_bit and not features.eight_bit_mime:
        raise Refused(OutcomeState.NEEDS_CONVERSION)
    if job.body is BodyType.BINARY_MIME:
        raise Refused(OutcomeState.NEEDS_CONVERSION)  # DATA cannot carry it (RFC 3030 §3)
    mail = f"MAIL FROM:<{job.sender}>"
    if job.content is not None:
        if features.size:
            mail += f" SIZE={content_size(job.content)}"
        if eight_bit and features.eight_bit_mime:
            mail += " BODY=8BITMIME"
    if utf8:
        mail += " SMTPUTF8"
    dsn = features.dsn and job.content is not None
    if dsn:
        if job.ret:
            mail += f" RET={job.ret}"
        if job.envid:
            mail += f" ENVID={job.envid}"
    lines = [mail]
    for recipient in job.recipients[:asked]:
        line = f"RCPT TO:<{recipient.address}>"
        if dsn and (recipient.notify or recipient.orcpt):
            line += _dsn_parameters(recipient)
        lines.append(line)
    for line in lines:
        if not line.isprintable():
            # Intake refuses control characters; nothing that slipped by may become a command of its own.
            raise Refused(
                OutcomeState.UNSENDABLE, Reply(553, "5.1.3", "The envelope holds a control character and cannot be sent")
            )
    lines.append("RSET" if job.content is None else "DATA")
    return [line + "\r\n" for line in lines]


def _check_size(job: Job, features: Features) -> None:
    assert job.content is not None  # noqa: S101 - the caller looked
    size = content_size(job.content)
    if 0 < features.size_limit < size:
        raise Refused(
            OutcomeState.UNSENDABLE,
            Reply(552, "5.3.4", f"The message has {size} octets; the next hop takes at most {features.size_limit}"),
        )


def _uses_smtputf8(job: Job, features: Features, traits: Traits) -> bool:
    ascii_envelope = job.sender.isascii() and all(recipient.address.isascii() for recipient in job.recipients)
    if ascii_envelope and not job.smtputf8:
        return False
    if features.smtputf8:
        return True
    if not ascii_envelope:
        raise Refused(
            OutcomeState.UNSENDABLE,
            Reply(553, "5.6.7", "An address needs SMTPUTF8, which the next hop does not support"),
        )
    if traits.eight_bit_header:
        raise Refused(
            OutcomeState.UNSENDABLE,
            Reply(554, "5.6.7", "The message's header needs SMTPUTF8, which the next hop does not support"),
        )
    return False


def _dsn_parameters(recipient: Addressee) -> str:
    """RFC 3461 §4.1, §4.2."""
    text = ""
    if recipient.notify & Notify.NEVER:
        text += " NOTIFY=NEVER"
    elif recipient.notify:
        text += " NOTIFY=" + ",".join(name for flag, name in _NOTIFY_NAMES if recipient.notify & flag)
    if recipient.orcpt:
        text += f" ORCPT={recipient.orcpt}"
    return text
