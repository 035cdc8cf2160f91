"""What a running relay does for its own files: forget what is old, look whether the spool is whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..model.report import Problem
from .verification.cache import REMEMBERED_DAYS

if TYPE_CHECKING:
    from .service import RelayService

PRUNE_SECONDS = 3600.0
_NEXT_PART_SECONDS = 0.1
"""While there is more to prune."""


async def prune_for_ever(service: RelayService) -> None:
    """Of tracking and of remembered verdicts, what is older than it is kept."""
    while True:
        days = service.configuration.settings.retention.journal_days
        pruned = await service.journal.prune(service.clock() - days * 86_400)
        await service.kept_verdicts.prune(service.clock() - REMEMBERED_DAYS * 86_400)
        await asyncio.sleep(PRUNE_SECONDS if pruned.done else _NEXT_PART_SECONDS)


async def check_spool(service: RelayService) -> None:
    if damage := await service.spool.check_integrity():
        service.start_problems.append(
            Problem(
                "spool",
                "The spool file is damaged.",
                damage,
                "Restart Gatepost: the file is set aside and a new one begun.",
            )
        )
