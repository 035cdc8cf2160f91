"""Reception's ``inspect``: a message is examined once, and shared out by what each recipient's gateway says about it.

The spam policy is one for all, so a message has one score; the cards of the inbound gateways differ in what they do with
it. Recipients whose cards come to the same outcome share one message in the spool; each further outcome is a message of its
own, all of them stored in one transaction. Only a refusal cannot be shared: one reply answers for everybody, so
recipients whose cards bounce at different levels are asked at RCPT to come separately (``refused_as``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from ..model.configuration import Configuration
from ..model.envelope import Envelope, Notify, Recipient
from ..model.reply import Reply
from ..model.spam import Bounce, SpamCard, SpamdSource, SpamLevel
from ..store.bodies import Bodies
from ..store.journal_values import EntryKind
from ..store.quarantine_values import QUARANTINE, Quarantined, QuarantineKind, ScorePart
from ..store.values import Content
from .common.clock import Clock
from .common.metrics import Counters
from .inspection.disposition import Disposition
from .inspection.editing import HeadEdit
from .inspection.inspector import Findings, Inspector
from .inspection.resolver import Resolver
from .inspection.rest import Resting, Trouble
from .inspection.virus import ScanState
from .reception.context import Inspect, Inspected, Note, Parts, Share
from .rewriting import Rewriter
from .signing import Signed, Signing
from .turns import Turn, is_this_machine, processors

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Messages in inspection at a time: what scanners do side by side, and a bound on memory."""
WAIT_SECONDS = 120.0
"""How long a message waits for its turn before it is deferred."""
BUSY = Reply(451, "4.3.2", "Too much mail is being inspected now, please try again later")
APART = Reply(451, "4.5.3", "The rules for some recipients differ, please send the message again")
INBOUND = "inbound:"


def scans_at_once(spamd: SpamdSource) -> int:
    """How many messages spamd is asked about at a time; the wait for it does not count as spamd's own."""
    if spamd.at_once:
        return spamd.at_once
    return max(1, processors() - 1) if is_this_machine(spamd.host) else AT_ONCE


@dataclass(frozen=True)
class Outcome:
    """What becomes of some recipients' mail; equal outcomes share a message."""

    edit: HeadEdit
    drop: bool
    quarantine_days: int | None
    redirect: str | None
    copy_to: str | None

    held_for: str
    """The gateway in whose name it is in quarantine."""

    @classmethod
    def of(cls, disposition: Disposition, gateway: str) -> Outcome:
        days = disposition.quarantine_days
        held_for = gateway if days is not None else ""
        return cls(disposition.edit, disposition.drop, days, disposition.redirect, disposition.copy_to, held_for)


@dataclass
class Group:
    disposition: Disposition
    gateway: str
    recipients: list[Recipient] = field(default_factory=list)
    signed: Signed = field(default_factory=Signed)

    @property
    def edit(self) -> HeadEdit:
        """What inspection changes are fields on top that nobody signs, so the signature stands whatever they are."""
        edit = self.disposition.edit
        return replace(edit, prepend=(self.signed.fields, *edit.prepend)) if self.signed.fields else edit


class Inspecting:
    """``inspect`` and ``refused_as`` are None while the configuration asks for nothing: the plain path costs nothing."""

    def __init__(
        self,
        lanes: Callable[[Envelope], Parts],
        lane: Callable[[str, str, str], str],
        bodies: Bodies,
        signing: Signing,
        counters: Counters,
        clock: Clock,
    ) -> None:
        self._lanes = lanes
        self._lane = lane
        self._rewriter = Rewriter(bodies)
        self._signing = signing
        self._counters = counters
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._scans = asyncio.Semaphore(AT_ONCE)
        """spamd's: it takes a processor for each message, and may take them from the relay."""
        self._scans_at_once = AT_ONCE
        self._inspector: Inspector | None = None
        self._cards: Mapping[str, SpamCard] = {}
        self._bounces: Mapping[str, str] = {}
        self._finds_viruses = False
        self._resolver: Resolver | None = None
        self._name_servers: tuple[tuple[str, ...], int] = ((), 53)
        self._resting = Resting(clock)
        self.inspect: Inspect | None = None
        self.refused_as: Callable[[str, str, str], str] | None = None

    def apply(self, configuration: Configuration, server_name: str) -> None:
        """A message whose inspection has begun goes on by the rules of before."""
        self._cards = {gateway.id: gateway.spam for gateway in configuration.inbound if gateway.spam.enabled}
        self._bounces = {gateway_id: _bounced_levels(card) for gateway_id, card in self._cards.items()}
        self._finds_viruses = configuration.virus.enabled
        self._resting = Resting(self._clock)
        if (at_once := scans_at_once(configuration.spam.spamd)) != self._scans_at_once:
            self._scans, self._scans_at_once = asyncio.Semaphore(at_once), at_once
        self._inspector = None
        if self._cards or self._finds_viruses:
            resolver = self._resolver_for(configuration)
            self._inspector = Inspector(configuration.spam, configuration.virus, resolver, server_name, resting=self._resting)
            if self._cards:
                self._inspector.warm_up()
        self.inspect = self._inspect if self._inspector is not None or self._signing.is_on else None
        names = {self._bounces.get(gateway.id, "") for gateway in configuration.inbound}
        self.refused_as = self._refused_as if len(names) > 1 else None

    def troubles(self) -> list[Trouble]:
        """Scanners and lists that failed when they were asked last."""
        return self._resting.troubles()

    def close(self) -> None:
        if self._resolver is not None:
            self._resolver.close()

    def _resolver_for(self, configuration: Configuration) -> Resolver:
        delivery = configuration.settings.delivery
        wanted = (delivery.name_servers, delivery.name_server_port)
        if self._resolver is None or wanted != self._name_servers:
            self.close()
            self._resolver = Resolver(delivery.name_servers, delivery.name_server_port)
            self._name_servers = wanted
        return self._resolver

    def _refused_as(self, sender_domain: str, recipient_domain: str, client: str) -> str:
        return self._bounces.get(_gateway_of(self._lane(sender_domain, recipient_domain, client)), "")

    # --- one message -------------------------------------------------------------------------------------------------

    async def _inspect(self, envelope: Envelope, content: Content, is_local: bool) -> Inspected:
        inspector, cards = self._inspector, {} if is_local else self._cards
        parts = self._lanes(envelope)
        is_scored = any(_gateway_of(lane) in cards for lane, _ in parts)
        groups = [Group(Disposition(""), "", list(envelope.recipients))]
        if inspector is not None and (is_scored or self._finds_viruses):
            scans = self._scans
            wanted = (scans, self._turns) if is_scored and inspector.may_ask_spamd(envelope) else (self._turns,)
            async with Turn(WAIT_SECONDS, *wanted) as turn:
                if not turn.is_ours:
                    log.warning("a message was deferred: others were in inspection for %g s", WAIT_SECONDS)
                    return Inspected(refusal=BUSY, reason="inspection-busy")
                found = await inspector.examine(
                    envelope, content, is_scored=is_scored, spamd_done=partial(turn.give_back, scans)
                )
            groups = _groups(inspector, found, parts, cards)
            self._count(found)
        return await self._settled(envelope, content, groups, is_local)

    async def _settled(self, envelope: Envelope, content: Content, groups: list[Group], is_local: bool) -> Inspected:
        refused = [group for group in groups if group.disposition.refusal is not None]
        if refused:
            return _refused(refused, len(groups))
        dropped = [note for group in groups if group.disposition.drop for note in _notes(group)]
        kept = [group for group in groups if not group.disposition.drop]
        if not kept:
            return Inspected(notes=tuple(dropped))
        if is_local and self._signing.is_on:
            signed = await self._signing.sign(envelope, content)
            for group in kept:
                group.signed = signed
        contents = await self._rewriter.rewrite(content, [group.edit for group in kept])
        shares = [_share(envelope, group, made) for group, made in zip(kept, contents, strict=True)]
        if dropped:
            shares[0] = replace(shares[0], notes=(*shares[0].notes, *dropped))
        return Inspected(tuple(shares))

    def _count(self, found: Findings) -> None:
        if found.verdict is not None:
            self._counters.add("scored", found.verdict.level.value)
        if found.virus is not None:
            self._counters.add("virus_scans", found.virus.state.value)


# --- what follows from what was found ---


def _groups(inspector: Inspector, found: Findings, parts: Parts, cards: Mapping[str, SpamCard]) -> list[Group]:
    """Recipients by outcome, in the order in which they were named first."""
    groups: dict[object, Group] = {}
    for lane, recipients in parts:
        gateway = _gateway_of(lane)
        disposition = inspector.dispose(found, cards.get(gateway))
        key = disposition.refusal or Outcome.of(disposition, gateway)
        groups.setdefault(key, Group(disposition, gateway)).recipients.extend(recipients)
    return list(groups.values())


def _refused(refused: list[Group], groups: int) -> Inspected:
    # Where some are not refused, the rules changed between RCPT and here: reception keeps such recipients apart.
    reply = refused[0].disposition.refusal if len(refused) == groups else APART
    assert reply is not None  # noqa: S101 - they are refused
    reason = "inspection-later" if reply.is_transient else "virus" if _is_infected(refused[0].disposition) else "spam"
    if reply.is_transient:
        return Inspected(refusal=reply, reason=reason)
    words = refused[0].disposition.words
    notes = (_scanned(refused[0].disposition), Note(EntryKind.BOUNCED, "", f"refused: {reply}; {words}"))
    return Inspected(refusal=reply, reason=reason, notes=notes)


def _share(envelope: Envelope, group: Group, content: Content) -> Share:
    disposition = group.disposition
    recipients = tuple(group.recipients)
    if disposition.redirect is not None:
        recipients = (Recipient(disposition.redirect, Notify.NEVER),)
    elif disposition.copy_to is not None and all(r.address != disposition.copy_to for r in recipients):
        # Nobody is told when the copy cannot be delivered: the sender did not send it there.
        recipients = (*recipients, Recipient(disposition.copy_to, Notify.NEVER))
    days = disposition.quarantine_days
    return Share(
        replace(envelope, recipients=recipients),
        content,
        f"{QUARANTINE}{disposition.quarantine_reason}" if days is not None else "",
        days * 86_400.0 if days is not None else None,
        disposition.edit.subject_prefix,
        _why(disposition, group.gateway) if days is not None else None,
        tuple(_notes(group)),
    )


def _notes(group: Group) -> list[Note]:
    disposition = group.disposition
    signed = [Note(EntryKind.NOTE, "", group.signed.words)] if group.signed.words else []
    if not disposition.words:
        return signed
    notes = [_scanned(disposition), *signed]
    if disposition.drop:
        notes += [Note(EntryKind.DELETED, r.address, disposition.words) for r in group.recipients]
    elif disposition.quarantine_days is not None:
        notes.append(Note(EntryKind.HELD, "", f"{QUARANTINE}{disposition.quarantine_reason}"))
    elif disposition.redirect is not None:
        words = f"redirected to {disposition.redirect}: {disposition.words}"
        notes += [Note(EntryKind.REDIRECTED, r.address, words) for r in group.recipients if r.address != disposition.redirect]
    elif disposition.copy_to is not None:
        notes.append(Note(EntryKind.NOTE, "", f"a copy goes to {disposition.copy_to}"))
    return notes


def _scanned(disposition: Disposition) -> Note:
    spam, virus = disposition.spam, disposition.virus
    data: dict[str, object] = {}
    if spam is not None:
        parts = [{"source": p.source, "points": p.points, "note": p.note, "failed": p.failed} for p in spam.parts]
        data |= {"level": spam.level.value, "score": spam.score, "parts": parts}
    if virus is not None:
        data["virus"] = str(virus)
    return Note(EntryKind.SCANNED, "", disposition.words, data)


def _why(disposition: Disposition, gateway: str) -> Quarantined:
    spam = disposition.spam
    if _is_infected(disposition) or spam is None:
        return Quarantined(QuarantineKind.VIRUS, disposition.quarantine_reason, gateway)
    parts = tuple(ScorePart(part.source, part.points, part.note, part.failed) for part in spam.parts)
    return Quarantined(
        QuarantineKind.SPAM, disposition.quarantine_reason, gateway, spam.level.value, round(spam.score, 3), parts
    )


def _is_infected(disposition: Disposition) -> bool:
    return disposition.virus is not None and disposition.virus.state is ScanState.INFECTED


def _bounced_levels(card: SpamCard) -> str:
    return ",".join(level.value for level in SpamLevel if isinstance(card.action_for(level), Bounce))


def _gateway_of(lane: str) -> str:
    return lane.removeprefix(INBOUND) if lane.startswith(INBOUND) else ""
