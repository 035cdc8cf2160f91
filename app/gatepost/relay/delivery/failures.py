"""What ends a signed-in session, in words: the ``HopFailure`` that jobs, journal and status page see."""

from __future__ import annotations

from ...model.reply import Reply
from .values import FailureKind, HopFailure, Session, Stage

_STAGE_WORDS = {
    Stage.MAIL: "the sender's address",
    Stage.RCPT: "a recipient's address",
    Stage.DATA: "DATA",
    Stage.CONTENT: "the message's content",
    Stage.FINAL_DOT: "the end of the message",
    Stage.RSET: "RSET",
}


def overdue(session: Session, stage: Stage) -> HopFailure:
    words = _STAGE_WORDS.get(stage, stage.value)
    detail = f"It was silent for too long at {words}."
    return _failure(session, stage, FailureKind.TIMEOUT, "The server did not answer in time.", detail)


def not_smtp(session: Session, stage: Stage, error: str) -> HopFailure:
    return _failure(session, stage, FailureKind.PROTOCOL, "The server sent something that is not SMTP.", f"{error}.")


def out_of_step(session: Session, stage: Stage, reply: Reply) -> HopFailure:
    return _said(session, stage, FailureKind.PROTOCOL, "The server's replies are out of step.", reply)


def refused_in_content(session: Session, stage: Stage, reply: Reply | None) -> HopFailure:
    """A verdict before the final dot."""
    return _failure(session, stage, FailureKind.REFUSED, "The server refused the message before its end.", str(reply))


def kept_closed(session: Session, stage: Stage, reply: Reply) -> HopFailure:
    """Between transactions: a 421 is the peer's good right, anything else is nonsense."""
    kind = FailureKind.REFUSED if reply.code == 421 else FailureKind.PROTOCOL
    return _said(session, stage, kind, "The server closed the kept connection.", reply)


def shut_down(session: Session, stage: Stage, reply: Reply) -> HopFailure:
    """A 421 in the middle of a transaction."""
    return _said(session, stage, FailureKind.REFUSED, "The server closed the connection.", reply)


def lost(session: Session, stage: Stage, error: Exception | None) -> HopFailure:
    detail = f"The system says: {error}." if error is not None else "It gave no reason."
    return _failure(session, stage, FailureKind.LOST, "The server closed the connection.", detail)


def closed_here(session: Session) -> HopFailure:
    return _failure(session, Stage.MAIL, FailureKind.SHUTDOWN, "The relay closed the connection.", "")


def unreadable(session: Session, error: str) -> HopFailure:
    return _failure(session, Stage.CONTENT, FailureKind.CONTENT, "The stored message cannot be read.", f"{error}.")


def _said(session: Session, stage: Stage, kind: FailureKind, title: str, reply: Reply) -> HopFailure:
    return _failure(session, stage, kind, title, f"It said “{reply}”.", reply)


def _failure(
    session: Session, stage: Stage, kind: FailureKind, title: str, detail: str, reply: Reply | None = None
) -> HopFailure:
    return HopFailure(
        stage,
        kind,
        title,
        detail,
        reply=reply,
        address=session.address,
        source_address=session.source_address,
        dialogue=session.dialogue,
    )
