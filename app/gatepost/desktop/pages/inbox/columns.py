"""A captured message in the words of its list."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ....control.capture_schema import CapturedRow
from ...i18n import format_count, mark, ntr, tr
from ...models.columns import Column, Kind, Tone
from ...words import moment_text, size_text
from ..spool.columns import sender_text

Names = Callable[[], Mapping[str, str]]
"""Of trays, listeners and gateways, by id, as they are called now."""


def state_text(row: CapturedRow) -> str:
    if row.released_at is not None:
        return tr("Released")
    return tr("Copied") if row.is_copy else tr("Captured")


def state_tone(row: CapturedRow) -> Tone:
    if row.released_at is not None:
        return Tone.GOOD
    return Tone.NEUTRAL if row.is_copy else Tone.ACCENT


def state_tip(row: CapturedRow) -> str:
    if row.released_at is not None:
        return tr("Released at {moment}", moment=moment_text(row.released_at, seconds=True))
    return tr("The mail itself was delivered.") if row.is_copy else tr("It was delivered to nobody.")


def recipients_text(row: CapturedRow) -> str:
    first, more = (row.recipients[0] if row.recipients else ""), row.recipient_count - 1
    return ntr("{first} and {n} more", "{first} and {n} more", more, first=first) if more > 0 else first


def attachments_text(row: CapturedRow) -> str:
    return format_count(row.attachment_count) if row.attachment_count else ""


def captured_by(row: CapturedRow, names: Mapping[str, str]) -> str:
    """The listener or gateway that captured it."""
    identifier = row.gateway if row.by == "gateway" else row.listener
    return names.get(identifier, identifier)


def columns(names: Names) -> tuple[Column, ...]:
    return (
        Column("sender", mark("From"), lambda row: sender_text(row.sender), 24, 16, order="sender", rank=1,
               tooltip=lambda row: row.from_header or sender_text(row.sender)),
        Column("recipients", mark("To"), recipients_text, 24, 16, rank=2, tooltip=lambda row: "\n".join(row.recipients)),
        Column("subject", mark("Subject"), lambda row: row.subject or row.preview, 36, 14, order="subject", rank=0,
               tooltip=lambda row: row.preview or row.subject),
        Column("received", mark("Captured at"), lambda row: moment_text(row.received_at), 13, 12, order="age", rank=3,
               tone=lambda row: Tone.QUIET, tooltip=lambda row: moment_text(row.received_at, seconds=True),
               descending_first=True),
        Column("state", mark("State"), state_text, 9, 8, rank=4, kind=Kind.PILL, tone=state_tone, tooltip=state_tip,
               words=lambda: (tr("Released"), tr("Copied"), tr("Captured"))),
        Column("size", mark("Size"), lambda row: size_text(row.size), 8, 8, order="size", rank=6, kind=Kind.NUMBER,
               tone=lambda row: Tone.QUIET, descending_first=True),
        Column("attachments", mark("Attachments"), attachments_text, 11, 11, rank=7, kind=Kind.NUMBER,
               tone=lambda row: Tone.QUIET),
        Column("by", mark("Captured by"), lambda row: captured_by(row, names()), 22, 12, rank=8, tone=lambda row: Tone.QUIET),
        Column("tray", mark("Tray"), lambda row: names().get(row.tray, row.tray), 14, 10, rank=5, tone=lambda row: Tone.QUIET),
    )  # fmt: skip
