"""What the quarantine's list shows, as a value, and where its rows come from."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from ....control.spool_schema import (
    QuarantineFilter,
    QuarantineIdsRequest,
    QuarantineListRequest,
    QuarantineOrderName,
    QuarantineRow,
)
from ..lists.query_source import QuerySource

Level = Literal["", "none", "low", "medium", "high"]
VIRUS = "virus"


@dataclass(frozen=True, slots=True)
class QuarantineQuery:
    """``level``: a spam level, or ``virus``."""

    text: str = ""
    where: str = ""
    level: str = ""
    gateway: str = ""
    order: str = "age"
    descending: bool = True

    @property
    def filter(self) -> QuarantineFilter:
        found: dict[str, Any] = {self.where or "text": self.text, "gateway": self.gateway}
        if self.level == VIRUS:
            return QuarantineFilter(**found, kind="virus")
        return QuarantineFilter(**found, level=cast(Level, self.level))

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.level or self.gateway)

    def unfiltered(self) -> QuarantineQuery:
        return replace(self, text="", where="", level="", gateway="")


class QuarantineSource(QuerySource[QuarantineQuery]):
    async def _ids(self, limit: int) -> array[int]:
        request = QuarantineIdsRequest(
            filter=self.query.filter,
            order=cast(QuarantineOrderName, self.query.order),
            descending=self.query.descending,
            limit=limit,
        )
        return await self._session.client.quarantine_ids(request)

    async def rows(self, ids: Sequence[int]) -> Sequence[QuarantineRow]:
        request = QuarantineListRequest(filter=QuarantineFilter(ids=tuple(ids)), limit=len(ids))
        return await self._session.client.quarantine_list(request)
