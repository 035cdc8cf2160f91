"""Which occasion a fault rule takes."""

from __future__ import annotations

from typing import Any

from gatepost.model.capture import FaultStage
from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.relay.capture.faults import Injector

MAIL = FaultStage.MAIL


def injector(*rules: dict[str, Any], chances: list[float] | None = None) -> Injector:
    made = Injector(iter(chances or []).__next__)
    made.apply(configured(*rules))
    return made


def configured(*rules: dict[str, Any]) -> Configuration:
    faults = [{"id": f"f{number}", "stage": "mail", "fault": {"action": "drop"}} | one for number, one in enumerate(rules)]
    return parse_configuration({"listeners": [{"id": "ls-1", "port": 0}], "faults": faults})


def happens(made: Injector, times: int, **where: Any) -> list[str]:
    found = [made.find(where.get("stage", MAIL), where.get("listener", "ls-1"), where.get("sender", "")) for _ in range(times)]
    return [one.id if one is not None else "" for one in found]


def test_every_nth_of_the_first() -> None:
    assert happens(injector({"every": 3}), 7) == ["", "", "f0", "", "", "f0", ""]
    assert happens(injector({"first": 2}), 4) == ["f0", "f0", "", ""]
    assert happens(injector({"every": 2, "first": 5}), 8) == ["", "f0", "", "f0", "", "", "", ""]


def test_chance_decides_where_it_is_asked() -> None:
    assert happens(injector({"probability": 0.25}, chances=[0.2, 0.3, 0.25, 0.0]), 4) == ["f0", "", "", "f0"]


def test_the_first_rule_that_is_due_wins_and_all_count() -> None:
    made = injector({"every": 2}, {"first": 2})
    assert happens(made, 3) == ["f1", "f0", ""]


def test_a_rule_looks_at_stage_listener_and_addresses() -> None:
    made = injector({"listener": "ls-1", "sender": "*@app.example"})
    assert happens(made, 1) == [""]
    assert happens(made, 1, sender="a@APP.example") == ["f0"]
    assert happens(made, 1, sender="a@app.example", listener="ls-2") == [""]
    assert happens(made, 1, sender="a@app.example", stage=FaultStage.EHLO) == [""]
    made = injector({"stage": "dot", "recipient": "vip@*"})
    assert made.find(FaultStage.DOT, "ls-1", "", ["a@b", "vip@b"]) is not None
    assert made.find(FaultStage.DOT, "ls-1", "", ["a@b"]) is None


def test_a_rule_counts_on_through_changes_of_others_and_anew_when_it_is_changed() -> None:
    made = injector({"first": 2})
    assert happens(made, 2) == ["f0", "f0"]
    made.apply(configured({"first": 2}, {"first": 1, "sender": "nobody"}))
    assert happens(made, 1) == [""]
    made.apply(configured({"first": 1}))
    assert happens(made, 2) == ["f0", ""]
