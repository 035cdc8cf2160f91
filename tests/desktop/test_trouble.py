"""Trouble of the relay is told once while nobody looks, and is over when it is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatepost.control.schema import EventMessage, Snapshot, SpoolFigures, Status
from gatepost.desktop.messages import Messages
from gatepost.desktop.session import RelaySession
from gatepost.desktop.trouble import TroubleWatch
from gatepost.model.report import MailPlane, Problem, RelayReport, VaultReport


def snapshot(*problems: Problem) -> Snapshot:
    relay = RelayReport(MailPlane.RUNNING, False, "1", 1, 1, 0.0, "/", "mx", 1, (), VaultReport("", "", True), problems)
    return Snapshot(status=Status(relay=relay, spool=SpoolFigures()), gateways=(), totals=())


def event(kind: str, **data: Any) -> EventMessage:
    return EventMessage(sequence=1, kind=kind, at=0.0, data=data)


@pytest.fixture
def told(tmp_path: Path, messages: Messages) -> tuple[RelaySession, TroubleWatch, list[str]]:
    session = RelaySession(tmp_path)
    titles: list[str] = []
    messages.notified.connect(lambda title, _text: titles.append(title))
    return session, TroubleWatch(session, messages), titles


def test_a_resting_gateway_is_told_once_until_it_is_healthy_again(told: Any, messages: Messages) -> None:
    session, _watch, titles = told
    for _ in range(2):
        session.happened.emit(event("gateway.resting", key="gateway:gw-1", label="Main relay", cause="refused"))
    assert titles == ["Main relay rests."]
    assert len(messages.attention_list) == 1
    session.happened.emit(event("gateway.healthy", key="gateway:gw-1", label="Main relay"))
    assert messages.attention_list == ()
    session.happened.emit(event("gateway.resting", key="gateway:gw-1", label="Main relay", cause="refused"))
    assert len(titles) == 2


def test_a_snapshot_tells_what_is_wrong_now_and_settles_the_rest(told: Any, messages: Messages) -> None:
    session, _watch, titles = told
    session.snapshot_arrived.emit(snapshot(Problem("disk", "The disk is nearly full.")))
    assert titles == ["The disk is nearly full."]
    messages.attention("relay", "Something of the app")
    session.snapshot_arrived.emit(snapshot())
    assert [one.key for one in messages.attention_list] == ["relay"]


def test_trouble_that_has_lasted_is_told_while_the_window_is_connected_and_settled_when_it_is_over(
    told: Any, messages: Messages
) -> None:
    session, _watch, titles = told
    full = {"subject": "spool:waiting", "title": "1,200 deliveries wait in the spool.", "detail": ""}
    for _ in range(2):
        session.happened.emit(event("problems.changed", problems=[full]))
    assert titles == ["1,200 deliveries wait in the spool."]
    session.happened.emit(event("problems.changed", problems=[]))
    assert messages.attention_list == ()
