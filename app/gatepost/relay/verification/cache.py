"""Verdicts that were fetched: fresh for some minutes, remembered for when the primary cannot answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from .verdict import KnownVerdict, RecipientState, RecipientVerdict

IN_MEMORY = 20_000
REMEMBERED_DAYS = 60


class VerdictStore(Protocol):
    """Where verdicts outlive the process. ``put`` returns at once and is written when it suits."""

    async def get(self, gateway_id: str, address: str) -> KnownVerdict | None: ...
    def put(self, known: KnownVerdict) -> None: ...
    async def search(self, text: str, gateway_id: str, limit: int) -> list[KnownVerdict]: ...
    async def flush(self, gateway_id: str, address: str) -> int: ...


class VerdictCache:
    """In front of the store: the newest verdicts in memory, bounded."""

    def __init__(self, store: VerdictStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], KnownVerdict] = OrderedDict()

    def fresh(self, gateway_id: str, address: str, seconds: float, since: float = 0.0) -> RecipientVerdict | None:
        """A verdict from memory that is young enough to need no asking. Never waits."""
        known = self._known.get((gateway_id, address))
        if known is None or not self.is_fresh(known, seconds, since):
            return None
        self._known.move_to_end((gateway_id, address))
        return known.verdict

    @property
    def now(self) -> float:
        """The clock by which verdicts grow old: seconds since the epoch."""
        return self._clock()

    def is_fresh(self, known: KnownVerdict, seconds: float, since: float = 0.0) -> bool:
        return known.fetched_at >= since and 0 <= self._clock() - known.fetched_at < seconds

    async def remembered(self, gateway_id: str, address: str) -> KnownVerdict | None:
        """The last verdict, however old, up to ``REMEMBERED_DAYS``."""
        known = self._known.get((gateway_id, address)) or await self._store.get(gateway_id, address)
        if known is None or self._clock() - known.fetched_at > REMEMBERED_DAYS * 86_400:
            return None
        self._keep(known)
        return known

    def put(self, gateway_id: str, address: str, verdict: RecipientVerdict, *, outlasts: bool = True) -> None:
        """Keep what a source said for sure; “unknown” never replaces knowledge. ``outlasts``: beyond the process."""
        if verdict.state is RecipientState.UNKNOWN:
            return
        known = KnownVerdict(gateway_id, address, verdict, self._clock())
        self._keep(known)
        if outlasts:
            self._store.put(known)

    async def search(self, text: str = "", gateway_id: str = "", limit: int = 100) -> list[KnownVerdict]:
        return await self._store.search(text, gateway_id, limit)

    async def flush(self, gateway_id: str = "", address: str = "") -> int:
        """Forget all, one gateway's, or one address. Returns how many were forgotten."""
        for key in [key for key in self._known if gateway_id in ("", key[0]) and address in ("", key[1])]:
            del self._known[key]
        return await self._store.flush(gateway_id, address)

    def _keep(self, known: KnownVerdict) -> None:
        key = (known.gateway_id, known.address)
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > IN_MEMORY:
            self._known.popitem(last=False)
