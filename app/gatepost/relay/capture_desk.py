"""The test inbox as people and test programs work on it: find, wait, read, release, delete."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model.address import parse_mailbox
from ..model.capture import INBOX, Capture, Deliver, RedirectAll
from ..model.envelope import Envelope, Recipient
from ..model.errors import Conflict, InvalidInput, Issue, NotFound
from ..store.bodies import BodyFile
from ..store.captured_values import CapturedEntry, CapturedFilter, CapturedOrder, CapturedRow, TrayFigures
from ..store.journal_values import EntryKind
from .common.hop import Lane

if TYPE_CHECKING:
    from array import array

    from .capture.parts import Part, TakenApart
    from .service import RelayService

log = logging.getLogger(__name__)

CHUNK = 200
"""Messages that one step concerns."""


@dataclass(frozen=True, slots=True)
class TrayState:
    """Figures of one tray. ``is_gone``: it holds mail, but is not in the configuration any more."""

    id: str
    name: str
    count: int
    size: int
    oldest: float | None
    newest: float | None
    last_id: int
    keep_days: int
    keep_messages: int
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class CapturedDetail:
    """One captured message, taken apart."""

    row: CapturedRow
    envelope: Envelope
    parts: TakenApart


class CaptureDesk:
    """Implements ``control.server.facade.CaptureFacade``."""

    def __init__(self, service: RelayService) -> None:
        self._service = service
        self._store = service.spool.captured

    async def trays(self) -> Sequence[TrayState]:
        """In the order of the configuration, the inbox first; then those that hold mail and are configured no more."""
        configuration, inbox = self._service.configuration, self._service.configuration.inbox
        figures = {one.tray: one for one in await self._store.figures()}
        states = [_state(INBOX, "Inbox", inbox.keep_days, inbox.keep_messages, figures.pop(INBOX, None))]
        for tray in configuration.trays:
            days, most = tray.keep_days or inbox.keep_days, tray.keep_messages or inbox.keep_messages
            states.append(_state(tray.id, tray.name, days, most, figures.pop(tray.id, None)))
        gone = (_state(name, name, inbox.keep_days, inbox.keep_messages, one) for name, one in figures.items())
        return [*states, *(replace(state, is_gone=True) for state in gone)]

    async def list(
        self, chosen: CapturedFilter, *, order: CapturedOrder, descending: bool, offset: int, limit: int
    ) -> Sequence[CapturedRow]:
        return await self._store.list(chosen, order, descending=descending, offset=offset, limit=limit)

    async def ids(self, chosen: CapturedFilter, *, order: CapturedOrder, descending: bool, limit: int) -> array[int]:
        return await self._store.ids(chosen, order, descending=descending, limit=limit)

    async def count(self, chosen: CapturedFilter) -> int:
        return await self._store.count(chosen)

    async def wait(self, chosen: CapturedFilter, seconds: float) -> tuple[CapturedRow | None, int]:
        return await self._service.capturing.keeping.wait(chosen, seconds)

    async def entry(self, number: int) -> CapturedEntry:
        return await self._store.entry(number)

    async def detail(self, number: int) -> CapturedDetail:
        from .capture.parts import LOADED, take_apart

        entry = await self._store.entry(number)
        start = await _start(entry, LOADED)
        return CapturedDetail(entry.row, entry.envelope, await asyncio.to_thread(take_apart, start, entry.row.size))

    async def part(self, number: int, part: str) -> tuple[Part, bytes]:
        from .capture.parts import LOADED, part_of

        entry = await self._store.entry(number)
        found = await asyncio.to_thread(part_of, await _start(entry, LOADED), part)
        if found is None:
            raise NotFound(f"The message has no part “{part[:20]}”.", "Its list of parts names those that there are.")
        return found

    async def delete(self, chosen: CapturedFilter, *, author: str) -> int:
        """How many were deleted."""
        deleted = await self._store.delete(chosen)
        if deleted:
            self._service.events.publish("captured.removed", count=len(deleted), tray=chosen.tray)
            log.info("%s deleted %d captured messages", author, len(deleted))
        return len(deleted)

    async def release(self, number: int, *, gateway: str | None, recipients: Sequence[str] | None, author: str) -> str:
        """Put it into the spool as new mail; its queue id. The captured message stays.

        It goes as it was captured, neither inspected nor signed: who may sign for our domains was not asked when it came.
        Raises Conflict where it would not reach its recipients, but be captured again.
        """
        self._check_gateway(gateway)
        service, entry = self._service, await self._store.entry(number)
        row, envelope = entry.row, entry.envelope
        if recipients is not None:
            if not recipients:
                raise InvalidInput([Issue("recipients", "name at least one recipient, or leave the field out")])
            envelope = replace(envelope, recipients=tuple(_recipient(address) for address in recipients))
        if gateway is None:
            self._check_way(envelope)
        content = await self._store.second_name(entry.content)
        why = f"Released from the test inbox by {author}; it was captured as {row.queue_id}"
        queue_id = await service.submitting.again(
            envelope, content, row.subject, entry.message_id_header, pinned=gateway, why=why
        )
        now = service.clock()
        await self._store.mark_released(number, now)
        words = f"Released from the test inbox by {author}: it goes on as {queue_id}"
        service.journal.add(row.message_id, now, EntryKind.NOTE, "", words)
        service.events.publish("captured.released", id=number, queue_id=queue_id)
        return queue_id

    async def release_all(self, chosen: CapturedFilter, *, gateway: str | None, author: str) -> int:
        """How many were released. What would be captured again stays; raises Conflict when that is all of them."""
        self._check_gateway(gateway)
        after, done, last = chosen.after or 0, 0, await self._store.last_id()
        refused: Conflict | None = None
        while True:
            page = replace(chosen, after=after, before=min(last + 1, chosen.before or last + 1))
            ids: builtins.list[int] = [*await self._store.ids(page, CapturedOrder.AGE, descending=False, limit=CHUNK)]
            if not ids:
                if refused is not None and not done:
                    raise refused
                return done
            for number in ids:
                try:
                    await self.release(number, gateway=gateway, recipients=None, author=author)
                    done += 1
                except NotFound:  # its time was over meanwhile; those behind it go on
                    continue
                except Conflict as error:
                    refused = error
            after = ids[-1]

    def _check_gateway(self, identifier: str | None) -> None:
        if identifier is None:
            return
        found = next((one for one in self._service.configuration.outbound if one.id == identifier), None)
        if found is None:
            raise InvalidInput([Issue("gateway", f"there is no outbound gateway “{identifier}”", "unknown-gateway")])
        if not isinstance(found.handling, Deliver):
            raise InvalidInput([Issue("gateway", f"{found.label} does not deliver: choose another gateway", "not-delivering")])

    def _check_way(self, envelope: Envelope) -> None:
        """Raises Conflict where routing may choose a gateway that sends nothing to a message's recipients."""
        configuration = self._service.configuration
        lanes = {lane for lane, _ in self._service.router.lanes(envelope)}
        for one in configuration.outbound:
            is_on_the_way = Lane.gateway(one.id) in lanes or (Lane.POOL in lanes and one in configuration.round_robin)
            if one.enabled and is_on_the_way and isinstance(one.handling, Capture | RedirectAll):
                raise Conflict(
                    "What is released would be captured again or redirected.",
                    f"It would leave by {one.label}, which does not deliver.",
                    "Choose a gateway that delivers.",
                )


def _recipient(address: str) -> Recipient:
    return Recipient(str(parse_mailbox(address)))


async def _start(entry: CapturedEntry, most: int) -> bytes:
    content = entry.content
    return await content.read_start(most) if isinstance(content, BodyFile) else content


def _state(identifier: str, name: str, days: int, most: int, figures: TrayFigures | None) -> TrayState:
    if figures is None:
        return TrayState(identifier, name, 0, 0, None, None, 0, days, most)
    return TrayState(identifier, name, figures.count, figures.size, figures.oldest, figures.newest, figures.last_id, days, most)
