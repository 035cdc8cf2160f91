"""The store's verdict rows, told to verification in its own terms."""

from __future__ import annotations

from ..store.verdicts import VerdictRow, Verdicts
from .verification.verdict import KnownVerdict, RecipientState, RecipientVerdict


class KeptVerdicts:
    """Implements ``verification.cache.VerdictStore``."""

    def __init__(self, verdicts: Verdicts) -> None:
        self._verdicts = verdicts

    async def get(self, gateway_id: str, address: str) -> KnownVerdict | None:
        row = await self._verdicts.get(gateway_id, address)
        return None if row is None else _known(row)

    def put(self, known: KnownVerdict) -> None:
        verdict = known.verdict
        self._verdicts.put(
            VerdictRow(known.gateway_id, known.address, verdict.state.value, verdict.source, verdict.reason, known.fetched_at)
        )

    async def search(self, text: str, gateway_id: str, limit: int) -> list[KnownVerdict]:
        return [_known(row) for row in await self._verdicts.search(text, gateway_id, limit)]

    async def flush(self, gateway_id: str, address: str) -> int:
        return await self._verdicts.flush(gateway_id, address)


def _known(row: VerdictRow) -> KnownVerdict:
    verdict = RecipientVerdict(RecipientState(row.state), row.source, row.reason)
    return KnownVerdict(row.gateway_id, row.address, verdict, row.fetched_at)
