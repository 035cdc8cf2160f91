"""Whose turn it is: smooth weighted round robin.

Each turn every member gains its share, its weight over the sum of all weights; the one that has most takes the turn and
pays one. Weights 1, 1, 2 give C A C B rather than A B C C, so no member is hit by a burst. Members that are absent for a
while neither gain nor pay: when they return they have their share again, and nothing to catch up on. What was gained
beside a heavy member weighs no more once that one is gone, for it is counted in turns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

Member = tuple[str, int]
"""Name and weight."""

_EQUAL = 1e-9
"""Claims closer together than this are equal; those that are not differ by one over the sum of the weights at least."""


class Rotation:
    """A pure state machine: no clock, no chance. Equal claims go to the member named first."""

    def __init__(self) -> None:
        self._credit: dict[str, float] = {}
        """Turns that a member is behind its share."""

    def peek(self, members: Sequence[Member]) -> str:
        """Who would be next; nothing moves. ``members`` must not be empty."""
        return self._choice(members, _total(members))

    def next(self, members: Sequence[Member]) -> str:
        """Take the next turn."""
        credit, total = self._credit, _total(members)
        chosen = self._choice(members, total)
        for name, weight in members:
            credit[name] = credit.get(name, 0.0) + weight / total
        credit[chosen] -= 1.0
        return chosen

    def _choice(self, members: Sequence[Member], total: int) -> str:
        credit = self._credit
        best, most = members[0][0], float("-inf")
        for name, weight in members:
            claim = credit.get(name, 0.0) + weight / total
            if claim > most + _EQUAL:
                best, most = name, claim
        return best

    def keep(self, names: Collection[str]) -> None:
        """Forget members that no longer exist."""
        self._credit = {name: value for name, value in self._credit.items() if name in names}


def _total(members: Sequence[Member]) -> int:
    return sum(weight for _, weight in members)
