"""The loud mark: above every page while mail is not delivered or senders are disturbed, and never else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton

from gatepost.control.schema import Snapshot, SpoolFigures, Status
from gatepost.desktop.context import AppContext
from gatepost.desktop.delivery_mark import mark_of
from gatepost.desktop.messages import Messages
from gatepost.desktop.pages.overview.needs import Known, Weight, needs
from gatepost.desktop.pages.overview.words import sentence
from gatepost.desktop.session import RelaySession
from gatepost.desktop.supervisor import Supervisor
from gatepost.desktop.trouble import TroubleWatch
from gatepost.model.report import MailPlane, NotDelivering, Problem, RelayReport, VaultReport

from .waiting import until

DEVELOPERS = NotDelivering("listener", "ls-1", "Developers", "capture")
PROVIDER = NotDelivering("gateway", "gw-1", "Provider", "redirect", "me@example.com")
COPIED = NotDelivering("gateway", "gw-2", "Archive", "capture-and-deliver")


def report(*places: NotDelivering, faults: tuple[str, ...] = (), problems: tuple[Problem, ...] = ()) -> RelayReport:
    vault = VaultReport("sealed", "Vault", True)
    return RelayReport(
        MailPlane.RUNNING, False, "1", 1, 1, 0.0, "/", "mx.example.org", 1, (), vault, problems, tuple(places), faults
    )  # fmt: skip


def test_nothing_is_marked_while_everything_is_delivered() -> None:
    assert mark_of(None) is None
    assert mark_of(report()) is None
    assert mark_of(report(COPIED)) is None, "this mail is delivered"


def test_it_names_what_captures_and_leads_there() -> None:
    mark = mark_of(report(DEVELOPERS, PROVIDER, COPIED))
    assert mark is not None
    assert mark.title == "Mail is not delivered."
    assert mark.detail == "Developers captures all mail. Provider redirects all mail to me@example.com."
    assert (mark.page, dict(mark.arguments)) == ("settings", {"section": "listeners", "id": "ls-1"})
    many = mark_of(report(DEVELOPERS, PROVIDER, *(NotDelivering("gateway", f"gw-{n}", f"G{n}", "capture") for n in range(3))))
    assert many is not None
    assert many.detail.endswith("So do 3 more.")


def test_faults_are_marked_alone_and_beside() -> None:
    alone = mark_of(report(faults=("fault-1", "fault-2")))
    assert alone is not None
    assert (alone.title, alone.detail) == ("Senders are disturbed on purpose.", "2 faults are switched on.")
    assert not alone.page
    both = mark_of(report(PROVIDER, faults=("fault-1",)))
    assert both is not None
    assert "and senders are disturbed" in both.title
    assert (both.page, dict(both.arguments)) == ("gateways", {"gateway": "gw-1"})


def test_the_overview_has_each_with_the_button_that_leads_there() -> None:
    told = (Problem("capture", "x", subject="listener:ls-1"), Problem("faults", "y"))
    relay = report(DEVELOPERS, COPIED, faults=("fault-1",), problems=told)
    found = needs(Known(relay, SpoolFigures()))
    assert [(need.weight, need.title, need.button) for need in found] == [
        (Weight.WARNING, "Mail is not delivered: Developers captures all mail.", "Open the listener"),
        (Weight.WARNING, "1 fault is switched on.", "Show the faults"),
        (Weight.HINT, "Archive keeps a copy of all mail in the test inbox.", "Open the gateway"),
    ]
    assert "does not deliver all of it" in sentence(relay)
    assert sentence(report(COPIED)).endswith("delivers it.")


def test_what_somebody_chose_is_no_news(tmp_path: Any, messages: Messages) -> None:
    session = RelaySession(tmp_path)
    watch = TroubleWatch(session, messages)
    told = (Problem("capture", "x", subject="listener:ls-1"), Problem("faults", "y"))
    snapshot = Snapshot(status=Status(relay=report(problems=told), spool=SpoolFigures()), gateways=(), totals=())
    session.snapshot_arrived.emit(snapshot)
    assert messages.attention_list == ()
    watch.deleteLater()


@pytest.fixture
def frame(connected_context: AppContext, on_loop: Callable[..., Any]) -> Any:
    from gatepost.desktop.frame import Frame

    supervisor = Supervisor(connected_context.session, connected_context.tasks, grace=0.1, backoff=(0.05,))
    supervisor._task = connected_context.tasks.spawn(supervisor._supervise(), "supervisor")
    made = Frame(connected_context, supervisor)
    made.show()
    yield made
    on_loop(connected_context.session.close())
    on_loop(supervisor.stop())
    on_loop(made.close_pages())


async def test_the_window_is_marked_as_long_as_a_listener_captures(frame: Any, connected_context: AppContext) -> None:
    client = connected_context.session.client
    assert frame.mark is None, "it is made when it is needed"
    (listener,) = (await client.objects("listeners")).value
    await client.patch("listeners", listener["id"], {"handling": {"action": "capture"}})
    await until(lambda: frame.mark is not None and frame.mark.isVisible(), "the mark is there")
    assert "captures all mail" in frame.mark.text
    went: list[Any] = []
    frame.mark._navigate = lambda page, **arguments: went.append((page, arguments))
    frame.mark.findChild(QPushButton, "mark-change").click()
    assert went == [("settings", {"section": "listeners", "id": listener["id"]})]
    await client.patch("listeners", listener["id"], {"handling": {"action": "deliver"}})
    await until(lambda: not frame.mark.isVisible(), "and goes by itself")
