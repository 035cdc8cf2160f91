"""What an action on a list is for: rows by their ids, or all that match the filter. How many is asked before it is done."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

AT_ONCE = 20_000
"""Ids in one request."""
BY_FILTER = 10_000
"""When all rows of a list are chosen and there are more than this, the filter itself is sent instead of their ids."""

Progress = Callable[[int, int], None]


class AnyFilter(Protocol):
    """One of the API's filters: with ``ids``, and true of everything while nothing is set."""

    @property
    def is_everything(self) -> bool: ...
    @classmethod
    def model_validate(cls, obj: Any, /) -> Any: ...


F = TypeVar("F", bound=AnyFilter)
R = TypeVar("R", bound=BaseModel)
Send = Callable[[R], Awaitable[int]]
"""Carries out one request; how many rows it concerned."""


@dataclass(frozen=True, slots=True)
class Target(Generic[F]):
    """Rows by id, or (``ids`` None) all that match the filter."""

    filter: F
    ids: array[int] | None = None

    def requests(self, request: R) -> list[R]:
        """``request`` for all of them, in as many parts as it takes."""
        if self.ids is None:
            return [request.model_copy(update={"filter": self.filter, "everything": self.filter.is_everything})]
        parts = [self.ids[start : start + AT_ONCE] for start in range(0, len(self.ids), AT_ONCE)]
        kind = type(self.filter)
        return [request.model_copy(update={"filter": kind.model_validate({"ids": tuple(part)})}) for part in parts]

    async def count(self, request: R, send: Send[R]) -> int:
        """How many it would concern now."""
        return sum([await send(one) for one in self.requests(request.model_copy(update={"dry_run": True}))])

    async def carry_out(self, request: R, send: Send[R], progress: Progress) -> int:
        requests, done = self.requests(request), 0
        for number, one in enumerate(requests):
            done += await send(one)
            if len(requests) > 1:
                progress(number + 1, len(requests))
        return done


def target_of(chosen: array[int], shown: int, whole: F) -> Target[F]:
    """Everything of a very long list goes by its filter."""
    return Target(whole, None if len(chosen) == shown and shown > BY_FILTER else chosen)
