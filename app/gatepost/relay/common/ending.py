"""Ends that have several parts: each is tried, whatever becomes of the others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[object]]


async def try_each(owner: str, *steps: Step) -> list[Exception]:
    """Call the steps in their order; returns what went wrong, which has been logged."""
    errors: list[Exception] = []
    for step in steps:
        try:
            await step()
        except Exception as error:
            log.exception("%s: one part did not end in good order", owner)
            errors.append(error)
    return errors
