"""Whose turn it is: smooth weighted round robin.

Each turn every member gains its weight; the one that has most takes the turn and pays the sum of all weights. Weights
1, 1, 2 give C A C B rather than A B C C, so no member is hit by a burst. Members that are absent for a while neither
gain nor pay: when they return they have their share again, and nothing to catch up on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

Member = tuple[str, int]
"""Name and weight."""


class Rotation:
    """A pure state machine: no clock, no chance. Equal claims go to the member named first."""

    def __init__(self) -> None:
        self._credit: dict[str, int] = {}

    def peek(self, members: Sequence[Member]) -> str:
        """Who would be next; nothing moves. ``members`` must not be empty."""
        credit = self._credit
        best, most = members[0][0], None
        for name, weight in members:
            claim = credit.get(name, 0) + weight
            if most is None or claim > most:
                best, most = name, claim
        return best

    def next(self, members: Sequence[Member]) -> str:
        """Take the next turn."""
        credit = self._credit
        best, most, total = members[0][0], None, 0
        for name, weight in members:
            total += weight
            claim = credit.get(name, 0) + weight
            credit[name] = claim
            if most is None or claim > most:
                best, most = name, claim
        credit[best] -= total
        return best

    def keep(self, names: Collection[str]) -> None:
        """Forget members that no longer exist."""
        self._credit = {name: value for name, value in self._credit.items() if name in names}
