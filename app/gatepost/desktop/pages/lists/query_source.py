"""Where the rows of a query come from: the relay filters and sorts, ``models.rows`` shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from ....control.schema import MAX_IDS
from ...session import RelaySession


class AnyQuery(Protocol):
    """What a list shows, as a value: a frozen dataclass."""

    @property
    def text(self) -> str: ...
    @property
    def order(self) -> str: ...
    @property
    def descending(self) -> bool: ...
    @property
    def filter(self) -> Any: ...
    @property
    def is_filtered(self) -> bool: ...
    def unfiltered(self) -> Any: ...


Q = TypeVar("Q", bound=AnyQuery)


class QuerySource(ABC, Generic[Q]):
    """A ``RowSource``. A subclass speaks to its part of the control API."""

    def __init__(self, session: RelaySession, query: Q) -> None:
        self._session = session
        self.query = query

    @property
    def by_id(self) -> int:
        """1 or -1 where it sorts by id, up or down: rows get their ids in the order in which they come."""
        return 0 if self.query.order != "age" else -1 if self.query.descending else 1

    async def ids(self, limit: int | None) -> array[int]:
        return await self._ids(limit or MAX_IDS)

    @abstractmethod
    async def _ids(self, limit: int) -> array[int]:
        """In the query's order, so many at most."""

    @abstractmethod
    async def rows(self, ids: Sequence[int]) -> Sequence[Any]:
        """Those that still exist."""
