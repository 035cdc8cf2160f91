"""What the spool's list shows, as a value, and where its rows come from."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from ....control.spool_schema import Filter, IdsRequest, ListRequest, SpoolOrderName, SpoolRow
from ..lists.query_source import QuerySource

State = Literal["waiting", "deferred", "held"]


@dataclass(frozen=True, slots=True)
class SpoolQuery:
    """``where``: which text is searched: "" for sender, recipient, subject and id at once, or one of them, or ``reply``."""

    text: str = ""
    where: str = ""
    state: str = ""
    gateway: str = ""
    order: str = "age"
    descending: bool = True

    @property
    def filter(self) -> Filter:
        found: dict[str, Any] = {self.where or "text": self.text, "gateway": self.gateway}
        return Filter(**found, state=cast(State, self.state) if self.state else None)

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.state or self.gateway)

    def unfiltered(self) -> SpoolQuery:
        return replace(self, text="", where="", state="", gateway="")


class SpoolSource(QuerySource[SpoolQuery]):
    async def _ids(self, limit: int) -> array[int]:
        request = IdsRequest(
            filter=self.query.filter,
            order=cast(SpoolOrderName, self.query.order),
            descending=self.query.descending,
            limit=limit,
        )
        return await self._session.client.spool_ids(request)

    async def rows(self, ids: Sequence[int]) -> Sequence[SpoolRow]:
        return await self._session.client.spool_list(ListRequest(filter=Filter(ids=tuple(ids)), limit=len(ids)))
