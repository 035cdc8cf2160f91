"""How long a client may take: for a command, for message data, for TLS, to read its replies, and in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import replies
from .replies import Refusal
from .wire import CHUNK, CLOSED, DATA

if TYPE_CHECKING:
    from .connection import Connection

HANDSHAKE_SECONDS = 60.0
_LINGER_SECONDS = 10.0
"""For a client to hang up after our last word."""
_STRESSED_IDLE_SECONDS = 15.0


def check(session: Connection, now: float) -> None:
    """End the session if it is overdue. Called by the endpoint's sweep, about once a second."""
    limits = session.terms.listener.limits
    quiet = now - session._since
    if session._mode is CLOSED:
        if quiet > _LINGER_SECONDS:
            session.abort()
    elif session._is_handshaking:
        if quiet > HANDSHAKE_SECONDS:
            session.abort()
    elif session._is_writing_paused:
        if quiet > limits.idle_seconds:
            session.endpoint.context.counters.add("refused", "replies-not-read")
            session.abort()
    elif session._coroutine is not None and session._line_waiter is None:
        return  # we keep the client waiting, not it us
    elif session._mode in (DATA, CHUNK):
        if (overdue := session._content_overdue(now)) is not None:
            _expire(session, overdue)
    elif now - session._began > limits.session_seconds:
        _expire(session, replies.SESSION_TOO_LONG)
    elif quiet > _idle_limit(session):
        _expire(session, replies.IDLE)


def _idle_limit(session: Connection) -> float:
    """Shorter for strangers while connections run short."""
    listener = session.terms.listener
    gate = session.endpoint.gate
    is_short = gate.connections(listener.id) * 10 > listener.limits.connections * 9 or gate.open * 10 > gate.total * 9
    if is_short and not (session.client is not None and session.client.may_relay) and not session.user:
        return min(_STRESSED_IDLE_SECONDS, listener.limits.idle_seconds)
    return listener.limits.idle_seconds


def _expire(session: Connection, refusal: Refusal) -> None:
    session._refuse(refusal, "deadline")
    if session._coroutine is None:
        session._abandon()
