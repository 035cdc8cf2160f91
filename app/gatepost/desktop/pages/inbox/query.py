"""What the list of captured mail shows, as a value, and where its rows come from."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from ....control.capture_schema import (
    CapturedFilter,
    CapturedIdsRequest,
    CapturedListRequest,
    CapturedOrderName,
    CapturedRow,
)
from ..lists.query_source import QuerySource


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """``where``: which text is searched: "" for everywhere, or one of the filter's texts. ``tray``: "" for all of them."""

    text: str = ""
    where: str = ""
    tray: str = ""
    order: str = "age"
    descending: bool = True

    @property
    def filter(self) -> CapturedFilter:
        found: dict[str, Any] = {self.where or "text": self.text, "tray": self.tray}
        return CapturedFilter(**found)

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.tray)

    def unfiltered(self) -> InboxQuery:
        return replace(self, text="", where="", tray="")


class InboxSource(QuerySource[InboxQuery]):
    async def _ids(self, limit: int) -> array[int]:
        request = CapturedIdsRequest(
            filter=self.query.filter,
            order=cast(CapturedOrderName, self.query.order),
            descending=self.query.descending,
            limit=limit,
        )
        return await self._session.client.captured_ids(request)

    async def rows(self, ids: Sequence[int]) -> Sequence[CapturedRow]:
        request = CapturedListRequest(filter=CapturedFilter(ids=tuple(ids)), limit=len(ids))
        return await self._session.client.captured_list(request)
