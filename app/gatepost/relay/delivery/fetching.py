"""Reading mail back from the spool, a page of one lane at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager

from ...store.spool import Spool
from ...store.values import LARGE_BODY, Content, Delivery
from ..common.clock import Clock
from .lanes import Lane

PAGE = 100
AT_ONCE = 4


class Fetching:
    """``flying``: deliveries on their way, whichever lane object they belong to."""

    def __init__(self, spool: Spool, clock: Clock, flying: Set[int]) -> None:
        self._spool = spool
        self._clock = clock
        self._flying = flying
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._settled_during: dict[object, set[int]] = {}
        """By page that is being read: two that nothing was settled for yet are equal, and not the same."""
        self._epoch = 0

    def spool_changed(self, ids: Iterable[int] | None = None) -> None:
        """What is being read now (None: all of it) may be out of date: it is thrown away."""
        if ids is None:
            self._epoch += 1
            return
        for settled in self._settled_during.values():
            settled.update(ids)

    def settled(self, delivery_id: int) -> None:
        """This delivery has just been recorded: a page that was read before may still show it as due."""
        for settled in self._settled_during.values():
            settled.add(delivery_id)

    @contextmanager
    def reading(self) -> Iterator[Callable[[int], bool]]:
        """To read deliveries within. It says of one afterwards whether it may be out of date: recorded meanwhile, or
        somebody changed the spool."""
        reading, epoch = object(), self._epoch
        settled = self._settled_during[reading] = set[int]()
        try:
            yield lambda delivery_id: self._epoch != epoch or delivery_id in settled
        finally:
            del self._settled_during[reading]

    async def page(self, lane: Lane, room: int) -> list[tuple[Delivery, Content | None]]:
        """What is due and not in hand, most urgent first, with contents of at most ``room`` octets altogether.

        Sets ``lane.behind`` if there may be more.
        """
        reading = object()
        settled = self._settled_during[reading] = set[int]()
        try:
            async with self._turns:
                epoch, lane.behind = self._epoch, False
                try:
                    found = await self._spool.fetch_due(lane.name, self._clock(), PAGE, lane.in_hand)
                    contents = await self._contents(found, room)
                except BaseException:
                    lane.behind = True
                    raise
            if epoch != self._epoch:
                lane.behind = True
                return []
            if len(found) == PAGE:
                lane.behind = True
            known = settled | lane.in_hand
            return [(d, contents.get(d.id)) for d in found if d.id not in known and d.id not in self._flying]
        finally:
            del self._settled_during[reading]

    async def _contents(self, page: Sequence[Delivery], room: int) -> dict[int, Content]:
        wanted = []
        for delivery in page:
            if delivery.size < LARGE_BODY and delivery.size <= room:
                room -= delivery.size
                wanted.append(delivery)
        load = self._spool.load_content
        loaded = await asyncio.gather(*(load(delivery.message_id) for delivery in wanted), return_exceptions=True)
        return {d.id: c for d, c in zip(wanted, loaded, strict=True) if not isinstance(c, BaseException)}
