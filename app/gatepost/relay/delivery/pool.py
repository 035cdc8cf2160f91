"""Connections kept by next hop: who may open how many, who waits, who is closed when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..common.hop import NextHop
from .values import Job, Outcome

Done = Callable[[Job, Outcome], None]
"""Called once for each job, on the loop's thread, from inside the connection's reading: be quick, never raise."""


@dataclass(frozen=True, slots=True)
class HopConnections:
    """One next hop's connections, for the status page."""

    key: str
    label: str
    open: int
    opening: int
    idle: int
    waiting: int
    """Jobs that wait for a connection."""


class Pool:
    """``submit`` never waits: jobs of one hop queue up and leave by as many connections as the limits allow."""

    def submit(self, hop: NextHop, job: Job, done: Done) -> None:
        raise NotImplementedError

    def has_capacity(self, hop: NextHop) -> bool:
        """Whether another job for ``hop`` would leave soon: fewer jobs wait than its connections can take next."""
        raise NotImplementedError

    def retire(self, is_current: Callable[[NextHop], bool]) -> None:
        """After a configuration change: hops that are no longer current finish what they carry and close; their
        waiting jobs come back as NOT_STARTED."""
        raise NotImplementedError

    def status(self) -> list[HopConnections]:
        raise NotImplementedError

    async def drain(self, seconds: float) -> None:
        """Stop: waiting jobs come back as NOT_STARTED, busy connections get ``seconds`` to finish, all are closed."""
        raise NotImplementedError
