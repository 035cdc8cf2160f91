"""Which fault is due: the enabled rules of the configuration, and how often each has had its occasion."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from ...model.capture import FaultRule, FaultStage, is_address_match
from ...model.configuration import Configuration


class Injector:
    """Occasions are counted from when a rule was last changed. ``chance`` gives numbers from 0 up to 1."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._rules: tuple[FaultRule, ...] = ()
        self._occasions: dict[FaultRule, int] = {}

    def apply(self, configuration: Configuration) -> None:
        self._rules = tuple(rule for rule in configuration.faults if rule.enabled)
        self._occasions = {rule: self._occasions.get(rule, 0) for rule in self._rules}

    def find(self, stage: FaultStage, listener: str, sender: str = "", recipients: Sequence[str] = ()) -> FaultRule | None:
        """The first rule whose turn it is; every rule that fits counts the occasion."""
        due: FaultRule | None = None
        for rule in self._rules:
            if rule.stage is stage and rule.listener in (None, listener) and _fits(rule, sender, recipients):
                count = self._occasions[rule] = self._occasions[rule] + 1
                if due is None and self._is_due(rule, count):
                    due = rule
        return due

    def _is_due(self, rule: FaultRule, count: int) -> bool:
        if rule.first is not None and count > rule.first:
            return False
        return count % rule.every == 0 and (rule.probability >= 1.0 or self._chance() < rule.probability)


def _fits(rule: FaultRule, sender: str, recipients: Sequence[str]) -> bool:
    if rule.sender and not is_address_match(rule.sender, sender):
        return False
    return not rule.recipient or any(is_address_match(rule.recipient, address) for address in recipients)
