"""Between the queue and its connections: mail for outbound gateways that capture, copy or redirect it.

The queue plans, attempts and records as ever; for a gateway that delivers, this costs one look at its hop. What is captured
was kept durably before the queue hears that the attempt succeeded, and once only: an attempt that is made again after a crash
finds its copy there.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..model.capture import Capture, CaptureAndDeliver, Deliver, Handling, RedirectAll
from ..model.configuration import Configuration
from ..model.envelope import Recipient, redirected
from ..model.errors import GatepostError
from ..model.reply import Reply
from ..store.bodies import BodyFile
from ..store.journal_values import EntryKind
from ..store.values import Delivery, RecipientRow
from .common.hop import NextHop
from .common.tasks import Tasks
from .delivery.attempt import Attempt
from .delivery.values import Features, Job, Outcome, OutcomeState, Session, Stage
from .reception.trace import original_recipients

if TYPE_CHECKING:
    from .delivery.pool import Pool
    from .service import RelayService

log = logging.getLogger(__name__)

Done = Callable[[Job, Outcome], None]
AT_ONCE = 20
"""Messages of one gateway that are being kept at the same time."""
_HERE = Session("", 0, "", "", Features(dsn=True))
"""Stands for the session of what stays here. It reports on mail by itself, so that nobody is told that it was delivered."""
_OK = Reply(250, "2.0.0", "Ok")


class Diverting:
    """Implements the queue's ``Connections`` on top of ``pool``."""

    def __init__(self, service: RelayService, pool: Pool) -> None:
        self._service = service
        self._pool = pool
        self._tasks = Tasks("diverting")
        self._busy: dict[str, int] = {}
        self._known: Configuration | None = None
        self._handlings: dict[str, Handling | None] = {}
        """Of the outbound gateways, as of ``_known``."""

    def submit(self, hop: NextHop, job: Job, done: Done) -> None:
        if hop.handling is None or job.content is None:
            self._send(hop, job, done)
            return
        self._busy[hop.key] = self._busy.get(hop.key, 0) + 1
        self._tasks.spawn(self._divert(hop, job, done), f"divert mail for {hop.label}")

    def has_capacity(self, hop: NextHop) -> bool:
        if hop.handling is None:
            return self._pool.has_capacity(hop)
        if self._busy.get(hop.key, 0) >= AT_ONCE:
            return False
        return isinstance(hop.handling, Capture) or self._pool.has_capacity(hop)

    def _send(self, hop: NextHop, job: Job, done: Done) -> None:
        """By the pool; but what was planned before its gateway's handling changed is planned anew."""
        if job.content is None or not self._is_outdated(hop):
            self._pool.submit(hop, job, done)
            return
        nothing = Outcome(OutcomeState.NOT_STARTED, job, stage=Stage.CONNECT)
        asyncio.get_running_loop().call_soon(done, job, nothing)

    def _is_outdated(self, hop: NextHop) -> bool:
        configuration = self._service.configuration
        if configuration is not self._known:
            self._known = configuration
            self._handlings = {
                one.id: None if isinstance(one.handling, Deliver) else one.handling for one in configuration.outbound
            }
        return hop.gateway_id is not None and self._handlings.get(hop.gateway_id, hop.handling) != hop.handling

    async def drain(self, seconds: float) -> None:
        """What is being kept is kept; then the connections."""
        await self._tasks.finished()
        await self._pool.drain(seconds)

    async def _divert(self, hop: NextHop, job: Job, done: Done) -> None:
        outcome: Outcome | None = _deferred(job, "The message could not be kept")
        try:
            match hop.handling:
                case Capture():
                    outcome = _captured(job, await self._keep(hop, job, is_copy=False))
                case CaptureAndDeliver():
                    if not await self._has_copy(hop, job):
                        await self._keep(hop, job, is_copy=True)
                    self._send(hop, job, done)
                    outcome = None
                case RedirectAll(address=address):
                    await self._redirect(hop, job, address, done)
                    outcome = None
        except GatepostError as error:
            log.error("mail for %s cannot be kept: %s", hop.label, error)
            outcome = _deferred(job, str(error))
        finally:
            self._busy[hop.key] -= 1
            if outcome is not None:
                done(job, outcome)

    async def _keep(self, hop: NextHop, job: Job, *, is_copy: bool) -> str:
        """The name of the tray."""
        capturing, delivery = self._service.capturing, _delivery(job)
        keeping, gateway = capturing.keeping, hop.gateway_id or hop.key
        rows = [row for row in job.recipients if isinstance(row, RecipientRow)]
        envelope = replace(delivery.envelope, recipients=tuple(Recipient(row.address, row.notify, row.orcpt) for row in rows))
        numbers = ",".join(str(row.id) for row in rows)
        source = f"{gateway} {delivery.id} {hashlib.blake2b(numbers.encode(), digest_size=16).hexdigest()}"
        content = job.content
        assert isinstance(content, bytes | BodyFile)  # noqa: S101 - what the spool gave
        own = await keeping.store.second_name(content)
        try:
            new = await keeping.prepare(delivery.message_id, envelope, own, gateway=gateway, is_copy=is_copy, source=source)
        except BaseException:
            if isinstance(own, BodyFile):
                own.discard()
            raise
        number = await keeping.store.keep(new)
        keeping.kept(new, number)
        name = capturing.tray_name(new.tray)
        if is_copy and number is not None:
            self._note(delivery, f"A copy is kept in the tray “{name}”, for gateway {hop.label}")
        return name

    async def _has_copy(self, hop: NextHop, job: Job) -> bool:
        """Whether an earlier attempt kept one: a recipient who was put off is no reason for another."""
        delivery = _delivery(job)
        if not delivery.attempts:
            return False
        store, names = self._service.capturing.keeping.store, [recipient.address for recipient in job.recipients]
        return await store.holds_copy(delivery.message_id, hop.gateway_id or hop.key, names)

    async def _redirect(self, hop: NextHop, job: Job, address: str, done: Done) -> None:
        names = [recipient.address for recipient in job.recipients]
        if set(names) == {address}:
            self._send(hop, job, done)
            return
        content, written = await self._with_names(job, names)
        self._service.counters.add("redirected", hop.gateway_id or hop.key)
        self._note(_delivery(job), f"Gateway {hop.label} redirects all mail to {address}; it was for {', '.join(names)}"[:1000])
        to = redirected(address, job.recipients)
        sent = Job(job.sender, (to,), content, job.body, job.smtputf8, job.ret, job.envid, job.tag, job.returns)

        def came_back(_: Job, outcome: Outcome) -> None:
            if written is not None:
                written.discard()
            replies = tuple(outcome.recipients) * len(names) if outcome.recipients else ()
            done(job, replace(outcome, job=job, recipients=replies))

        self._send(hop, sent, came_back)

    async def _with_names(self, job: Job, names: Sequence[str]) -> tuple[Any, BodyFile | None]:
        """The content with who it was for on top; and the file that was written for it."""
        prefix, content = original_recipients(names), job.content
        if isinstance(content, bytes):
            return prefix + content, None
        assert isinstance(content, BodyFile)  # noqa: S101 - what the spool gave
        writer = self._service.spool.bodies.open_body(makes_room=True)
        try:
            await writer.write(prefix)
            async with aclosing(content.chunks()) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    await writer.write(chunk)
            written = await writer.finish(line_ends_checked=content.line_ends_checked)
        except BaseException:
            writer.discard()
            raise
        return written, written

    def _note(self, delivery: Delivery, words: str) -> None:
        self._service.journal.add(delivery.message_id, self._service.clock(), EntryKind.NOTE, "", words)


def _delivery(job: Job) -> Delivery:
    assert isinstance(job.tag, Attempt)  # noqa: S101 - every job of the queue's carries one
    return job.tag.delivery


def _captured(job: Job, tray: str) -> Outcome:
    return _told(job, Reply(250, "2.0.0", f"Captured in the tray “{tray}”; nothing was sent"))


def _deferred(job: Job, why: str) -> Outcome:
    return _told(job, Reply(451, "4.3.0", f"The message cannot be captured now: {why}"))


def _told(job: Job, final: Reply) -> Outcome:
    replies = tuple(_OK for _ in job.recipients)
    return Outcome(OutcomeState.COMPLETED, job, _HERE, mail=_OK, recipients=replies, data=_OK, final=final)
