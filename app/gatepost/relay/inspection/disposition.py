"""What becomes of an inspected message, as one value: the SMTP reply, the spool entry and the journal follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from ...model.reply import Reply
from ...model.spam import (
    AddHeader,
    Bounce,
    Delete,
    ForwardCopy,
    PrefixSubject,
    Quarantine,
    Redirect,
    ScannerDown,
    SpamAction,
    VirusAction,
    VirusPolicy,
)
from .editing import NO_EDIT, HeadEdit
from .scoring import SpamVerdict
from .virus import ScanState, ScanVerdict


@dataclass(frozen=True, slots=True)
class Disposition:
    """At most one of ``refusal``, ``drop`` and ``quarantine_days`` is set; none of them means: deliver."""

    words: str
    refusal: Reply | None = None
    drop: bool = False
    quarantine_days: int | None = None
    quarantine_reason: str = ""
    redirect: str | None = None
    copy_to: str | None = None
    edit: HeadEdit = NO_EDIT
    spam: SpamVerdict | None = None
    virus: ScanVerdict | None = None


def for_virus(verdict: ScanVerdict, policy: VirusPolicy, edit: HeadEdit) -> Disposition | None:
    """What a scan alone decides; None: nothing, go on."""
    if verdict.state is ScanState.INFECTED:
        words = f"{verdict} → {policy.infected.value}"
        if policy.infected is VirusAction.BOUNCE:
            return Disposition(words, refusal=Reply(550, "5.7.1", f"Message refused: {verdict}"), virus=verdict)
        if policy.infected is VirusAction.DELETE:
            return Disposition(words, drop=True, virus=verdict)
        return Disposition(
            words, quarantine_days=policy.quarantine_days, quarantine_reason=str(verdict), edit=edit, virus=verdict
        )
    if verdict.is_too_large and policy.scanner_down is ScannerDown.DEFER:
        text = "The message is larger than the virus scanner here takes, please send a link instead"
        return Disposition(f"{verdict} → refused", refusal=Reply(552, "5.3.4", text), virus=verdict)
    if verdict.state is ScanState.FAILED and policy.scanner_down is ScannerDown.DEFER:
        return Disposition(
            f"{verdict} → try again later",
            refusal=Reply(451, "4.7.1", "The virus scanner is not available now, please try again later"),
            virus=verdict,
        )
    return None


def for_spam(verdict: SpamVerdict, action: SpamAction, edit: HeadEdit, virus: ScanVerdict | None) -> Disposition:
    words = f"spam level {verdict.level.value}, score {verdict.score:.1f}: {verdict.arithmetic} → {action.action}"
    match action:
        case Delete():
            return Disposition(words, drop=True, spam=verdict, virus=virus)
        case Bounce(text=text):
            return Disposition(words, refusal=Reply(550, "5.7.1", text or "Message refused"), spam=verdict, virus=virus)
        case PrefixSubject(text=text):
            return Disposition(words, edit=edit.with_subject_prefix(text), spam=verdict, virus=virus)
        case AddHeader(header=header):
            return Disposition(words, edit=edit.with_field(header), spam=verdict, virus=virus)
        case Redirect(address=address):
            return Disposition(words, redirect=address, edit=edit, spam=verdict, virus=virus)
        case ForwardCopy(address=address):
            return Disposition(words, copy_to=address, edit=edit, spam=verdict, virus=virus)
        case Quarantine(days=days):
            reason = f"spam level {verdict.level.value}, score {verdict.score:.1f}: {verdict.arithmetic}"
            return Disposition(words, quarantine_days=days, quarantine_reason=reason, edit=edit, spam=verdict, virus=virus)
        case _:
            return Disposition(words, edit=edit, spam=verdict, virus=virus)
