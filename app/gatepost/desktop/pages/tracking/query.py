"""What is searched for in the journal, as a value, and the messages that match, page by page from the newest on."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from ....control.tracking_schema import TrackedMessage, TrackPage, TrackRequest
from ...session import RelaySession

State = Literal["waiting", "deferred", "quarantined", "delivered", "bounced", "deleted", "captured"]
PAGE = 200
"""Messages asked for at once."""
MOST_NEW = 5
"""Pages of news that a refresh reads before it gives up joining them to what is shown."""

SPANS = {"hour": 3600.0, "day": 86_400.0, "week": 7 * 86_400.0, "month": 30 * 86_400.0}
"""Seconds back from now."""


@dataclass(frozen=True, slots=True)
class TrackingQuery:
    """``where``: "" for everywhere, else ``sender``, ``recipient``, ``subject``, ``reply`` or ``queue_id``."""

    text: str = ""
    where: str = ""
    state: str = ""
    span: str = ""

    def request(self, *, limit: int, before: int | None, now: float) -> TrackRequest:
        found: dict[str, Any] = {self.where or "text": self.text} if self.text else {}
        return TrackRequest(
            **found,
            state=cast(State, self.state) if self.state else None,
            since=now - SPANS[self.span] if self.span else None,
            limit=limit,
            before=before,
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.state or self.span)

    def unfiltered(self) -> TrackingQuery:
        return replace(self, text="", where="", state="", span="")


class TrackingSource:
    """See ``models.rows.RowSource``: the ids are those of the pages read so far. ``keep`` is told of every row that came."""

    def __init__(
        self,
        session: RelaySession,
        query: TrackingQuery,
        keep: Callable[[Sequence[TrackedMessage]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self.query = query
        self._keep = keep
        self._since = clock()
        self._ids = array("q")
        self._next: int | None = None
        self._has_begun = False

    @property
    def has_more(self) -> bool:
        """There may be older messages that match."""
        return not self._has_begun or self._next is not None

    async def ids(self, limit: int | None) -> array[int]:
        """At first those of the first page; later with what is new above them."""
        if not self._has_begun:
            await self.more()
            return self._ids[:]
        news: list[TrackedMessage] = []
        before: int | None = None
        for _ in range(MOST_NEW):
            page = await self._page(before)
            known = set(self._ids)
            news += [message for message in page.messages if message.id not in known]
            before = page.next_before
            if before is None or any(message.id in known for message in page.messages):
                break
        self._keep(news)
        self._ids = array("q", sorted({*self._ids, *(message.id for message in news)}, reverse=True))
        return self._ids[:]

    async def rows(self, ids: Sequence[int]) -> Sequence[TrackedMessage]:
        """Read again from the newest of them on."""
        wanted, found = set(ids), []
        before: int | None = max(ids) + 1
        lowest = min(ids)
        while before is not None and before > lowest:
            page = await self._page(before)
            found += [message for message in page.messages if message.id in wanted]
            before = page.next_before
        gone = wanted.difference(message.id for message in found)
        if gone:
            self._ids = array("q", (number for number in self._ids if number not in gone))
        return found

    async def more(self) -> Sequence[TrackedMessage]:
        """The next page of older messages; it may be empty although there are more."""
        page = await self._page(self._next)
        self._has_begun = True
        self._next = page.next_before
        known = set(self._ids)
        rows = [message for message in page.messages if message.id not in known]
        self._keep(rows)
        self._ids.extend(message.id for message in rows)
        return rows

    async def _page(self, before: int | None) -> TrackPage:
        return await self._session.client.track(self.query.request(limit=PAGE, before=before, now=self._since))
