"""A message in quarantine in the words of its list."""

from __future__ import annotations

import time

from PySide6.QtCore import QLocale

from ....control.spool_schema import QuarantineRow
from ...i18n import language, mark, ntr, tr
from ...models.columns import Column, Kind, Tone
from ...words import moment_text, size_text, span_text
from ..spool.columns import sender_text

_LEVELS = {
    "none": (mark("Spam: none"), Tone.NEUTRAL),
    "low": (mark("Spam: low"), Tone.NEUTRAL),
    "medium": (mark("Spam: medium"), Tone.WARNING),
    "high": (mark("Spam: high"), Tone.BAD),
}


def why_text(row: QuarantineRow) -> str:
    if row.kind == "virus":
        return tr("Virus")
    return tr(_LEVELS[row.level][0]) if row.level in _LEVELS else tr("Spam")


def why_tone(row: QuarantineRow) -> Tone:
    if row.kind == "virus":
        return Tone.BAD
    return _LEVELS[row.level][1] if row.level in _LEVELS else Tone.WARNING


def score_text(row: QuarantineRow) -> str:
    return QLocale(language()).toString(row.score, "f", 1) if row.score is not None else "–"


def reason_text(row: QuarantineRow) -> str:
    """The score in the person's language, and the arithmetic as the relay wrote it; a virus by its name."""
    if row.kind == "virus" or row.score is None:
        return row.reason
    words = tr("Score {score}", score=score_text(row))
    arithmetic = row.reason.partition(": ")[2]
    return f"{words}: {arithmetic}" if arithmetic else words


def kept_text(row: QuarantineRow) -> str:
    if row.expires_at is None:
        return tr("until decided")
    return span_text(row.expires_at - time.time())


def recipients_text(row: QuarantineRow) -> str:
    first, more = (row.recipients[0] if row.recipients else ""), row.recipient_count - 1
    return ntr("{first} and {n} more", "{first} and {n} more", more, first=first) if more > 0 else first


def columns() -> tuple[Column, ...]:
    return (
        Column("why", mark("Why"), why_text, 12, 11, kind=Kind.PILL, tone=why_tone, tooltip=reason_text,
               words=lambda: (tr(words) for words, _tone in _LEVELS.values())),
        Column(
            "score", mark("Score"), score_text, 7, 7, order="score", rank=3, kind=Kind.NUMBER, descending_first=True,
            tone=lambda row: Tone.QUIET,
        ),
        Column("sender", mark("From"), lambda row: sender_text(row.sender), 26, 16, order="sender", rank=1),
        Column("recipients", mark("To"), recipients_text, 24, 16, rank=2, tooltip=lambda row: "\n".join(row.recipients)),
        Column("subject", mark("Subject"), lambda row: row.subject, 34, 14, order="subject", rank=1),
        Column(
            "received", mark("Received"), lambda row: moment_text(row.received_at), 13, 12, order="age", rank=4,
            tone=lambda row: Tone.QUIET, tooltip=lambda row: moment_text(row.received_at, seconds=True), descending_first=True,
        ),
        Column(
            "kept", mark("Kept for"), kept_text, 11, 10, order="expires", rank=5, tone=lambda row: Tone.QUIET, is_live=True,
            tooltip=lambda row: moment_text(row.expires_at) if row.expires_at is not None else kept_text(row),
        ),
        Column(
            "size", mark("Size"), lambda row: size_text(row.size), 8, 8, order="size", rank=7, kind=Kind.NUMBER,
            tone=lambda row: Tone.QUIET, descending_first=True,
        ),
        Column("reason", mark("In words"), reason_text, 40, 18, rank=6, tone=lambda row: Tone.QUIET),
    )  # fmt: skip
