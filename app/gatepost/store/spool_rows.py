"""Rows to values and back: recipients packed into a delivery, the envelope packed into a message."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from json.encoder import encode_basestring as _quote
from typing import Any

from ..model.envelope import BodyType, Envelope, Notify, Origin, Recipient
from .spool_schema import HELD, NEVER, message_of, seconds
from .values import Delivery, NewMessage, RecipientRow, RecipientState

log = logging.getLogger(__name__)

UNREADABLE = (ValueError, TypeError, IndexError)
"""What unpacking raises where a damaged disk has changed a text within a file that is sound otherwise."""
_STATES = (RecipientState.WAITING, RecipientState.DELIVERED, RecipientState.RELAYED, RecipientState.FAILED)
_STATE_NUMBERS = {state: number for number, state in enumerate(_STATES)}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

COLUMNS = (
    "id", "lane", "state", "rank", "due_at", "alarm_at", "expires_at", "delay_notice_at", "received_at", "held_at",
    "attempts", "size", "pinned_gateway", "sender", "subject", "recipients", "hold", "waiting", "last_reply",
)  # fmt: skip
SELECT_DELIVERY = (
    "SELECT " + ", ".join(f"d.{name}" for name in COLUMNS) + ", m.envelope FROM delivery d JOIN message m ON m.id = d.id >> 16"  # noqa: S608 - names above
)


def clean(text: str) -> str:
    """Text that SQLite can keep: no lone surrogates, no NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def pack_recipients(recipients: Sequence[RecipientRow]) -> str:
    """One plain recipient (by far the most common case) is its address; everything else a JSON list of lists.

    No address begins with a bracket (RFC 5321 §4.1.2), so the two cannot be confused.
    """
    if len(recipients) == 1:
        one = recipients[0]
        if not (one.id or one.notify or one.orcpt or one.last_reply) and one.state is RecipientState.WAITING:
            return clean(one.address)
    return clean(
        _encode([(r.id, r.address, int(r.notify), r.orcpt, _STATE_NUMBERS[r.state], r.last_reply) for r in recipients])
    )


def unpack_recipients(packed: str, last_reply: str = "") -> tuple[RecipientRow, ...]:
    """Every recipient of the delivery, final ones as well. The reply to a plain one is its delivery's ``last_reply``."""
    if not packed.startswith("["):
        return (RecipientRow(0, packed, last_reply=last_reply),)
    return tuple(
        RecipientRow(number, address, Notify(notify), orcpt, _STATES[state], reply)
        for number, address, notify, orcpt, state, reply in json.loads(packed)
    )


def pack_envelope(message: NewMessage) -> str:
    """``[body, smtputf8, ret, envid, message id field, [origin…]]``."""
    envelope = message.envelope
    texts = f"{_quote(envelope.ret)},{_quote(envelope.envid)},{_quote(message.message_id_header)}"
    return clean(f'["{envelope.body.value}",{int(envelope.smtputf8)},{texts},{_pack_origin(envelope.origin)}]')


@lru_cache(maxsize=256)
def _pack_origin(origin: Origin) -> str:
    return _encode((origin.listener, origin.client, origin.helo, origin.protocol, origin.tls, origin.user))


def unpack_envelope(packed: str, sender: str, recipients: Iterable[RecipientRow]) -> tuple[Envelope, str]:
    """The envelope, and the Message-ID field's text."""
    body, smtputf8, ret, envid, message_id_header, origin = json.loads(packed)
    named = tuple(Recipient(r.address, r.notify, r.orcpt) for r in recipients)
    return Envelope(sender, named, BodyType(body), bool(smtputf8), ret, envid, Origin(*origin)), message_id_header


def delivery_from_row(row: Sequence[Any], *, with_final: bool = False) -> Delivery:
    """A row of ``SELECT_DELIVERY``. ``recipients`` leaves out final ones unless ``with_final``."""
    (
        number, lane, state, rank, due_at, alarm_at, expires_at, delay_notice_at, received_at, held_at,
        attempts, size, pinned_gateway, sender, subject, packed, hold, waiting, last_reply, packed_envelope,
    ) = row  # fmt: skip
    recipients = unpack_recipients(packed, last_reply)
    if not with_final:
        recipients = tuple(r for r in recipients if r.state is RecipientState.WAITING)
    envelope, _message_id_header = unpack_envelope(packed_envelope, sender, recipients)
    return Delivery(
        id=number,
        message_id=message_of(number),
        lane=lane,
        due_at=seconds(due_at if state != HELD else (held_at or received_at)),
        priority=-rank,
        attempts=attempts,
        expires_at=seconds(expires_at),
        delay_notice_at=None if delay_notice_at is None else seconds(delay_notice_at),
        received_at=seconds(received_at),
        size=size,
        subject=subject,
        envelope=envelope,
        recipients=recipients,
        pinned_gateway=pinned_gateway,
        hold=hold,
        waiting=waiting,
        last_reply=last_reply,
        hold_until=seconds(alarm_at) if state == HELD and alarm_at < NEVER else None,
    )


def readable(rows: Iterable[Sequence[Any]], *, with_final: bool = False) -> list[Delivery]:
    """The deliveries of rows of ``SELECT_DELIVERY``; without those whose text is not what was written any more, which must
    hold up no others. They stay in the spool."""
    found: list[Delivery] = []
    for row in rows:
        try:
            found.append(delivery_from_row(row, with_final=with_final))
        except UNREADABLE as error:
            tell_unreadable(row[0], str(error))
    return found


@lru_cache(maxsize=1000)
def tell_unreadable(delivery_id: int, error: str) -> None:
    """Once: every look for due mail meets the row again."""
    log.error("delivery %d in the spool cannot be read and stays there: %s", delivery_id, error)


def alarm(state: int, expires_at: int, delay_notice_at: int | None, hold_until: int = NEVER) -> int:
    """``delivery.alarm_at``: when its age matters next."""
    if state == HELD:
        return hold_until
    return expires_at if delay_notice_at is None else min(expires_at, delay_notice_at)
