"""The overview: figures from the relay's counters, trends over a restart, what needs attention and what mends it."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from gatepost.control.schema import EventMessage, SpoolFigures
from gatepost.desktop.cards import LineChart, Series
from gatepost.desktop.context import AppContext
from gatepost.desktop.messages import Attention
from gatepost.desktop.pages.overview import OverviewPage
from gatepost.desktop.pages.overview.needs import Known, Mend, Weight, needs
from gatepost.desktop.pages.overview.trends import DAY, Compared, Point, Range, Sums, compared, round_points
from gatepost.desktop.pages.overview.words import trend
from gatepost.model.configuration import Configuration
from gatepost.model.report import (
    MailPlane,
    MinuteFigures,
    Problem,
    RelayReport,
    VaultReport,
)

from ..waiting import closed, until

NOW = 1_790_000_000.0
MINUTE = int(NOW // 60)
USABLE = VaultReport("sealed", "Vault", True)


def sums(*minutes: tuple[int, dict[str, int]], step: int = 1, counted: dict[str, int] | None = None) -> Sums:
    return Sums.read([MinuteFigures(minute, found) for minute, found in minutes], step, counted or {})


def test_what_was_counted_since_is_added_and_a_restarted_relay_counts_from_zero() -> None:
    found = sums((MINUTE - 3, {"delivered": 10}), counted={"delivered": 100})
    found.count({"delivered": 104})
    assert compared(found, "delivered", 60, NOW) == Compared(14, 0)
    found.count({"delivered": 2})
    assert compared(found, "delivered", 60, NOW).now == 12


def test_a_sum_is_compared_with_the_time_before() -> None:
    found = sums((MINUTE - 90, {"delivered": 50}), (MINUTE - 30, {"delivered": 60}))
    assert compared(found, "delivered", 60, NOW).percent == 20
    assert [trend(Compared(*pair)) for pair in ((60, 50), (5, 10), (7, 7), (7, 0))] == ["↑ 20 %", "↓ 50 %", "as before", ""]


def test_a_chart_has_a_point_for_every_step_but_the_one_that_has_just_begun() -> None:
    at = 7200.0 * 1000
    found = sums((int(at // 60) - 15, {"delivered": 30, "deferred": 15, "refused": 15}), step=15)
    points = found.points(Range.DAY.minutes, at + 60)
    assert (len(points), points[-1].delivered, points[-1].trouble) == (95, 2.0, 2.0)
    found.count({"delivered": 20})
    points = found.points(Range.DAY.minutes, at + 600)
    assert (len(points), points[-1].delivered) == (96, 2.0)


def test_labels_stand_at_round_times_of_the_clock_on_the_wall() -> None:
    points = [Point(minute, 0.0, 0.0) for minute in range(1000 * DAY + 7 * 15, 1001 * DAY + 7 * 15, 15)]

    def half_past(minute: int) -> int:  # a clock that is 5:30 h ahead
        return minute + 330

    for between in Range.DAY.round_times:
        times = [half_past(points[index].minute) for index in round_points(points, between, half_past)]
        assert [time % between for time in times] == [0] * len(times)
        assert len(times) == DAY // between


def test_a_chart_takes_the_closest_round_times_that_have_room() -> None:
    chart = LineChart("Throughput")
    ticks = [list(range(2, 96, between)) for between in (4, 8, 16, 48)]
    chart.set_data(["15:30"] * 96, [Series("Delivered", [1.0] * 96)], ticks=ticks)
    assert chart.labelled(10_000) == [*ticks[0], 95]
    narrow = chart.labelled(320)
    assert set(narrow[:-1]) < set(ticks[1])
    assert narrow[-1] == 95, "the newest one is always named"
    assert chart.labelled(10) == [95]


def known(problems: tuple[Problem, ...] = (), **fields: Any) -> Known:
    relay: dict[str, Any] = {"mail": MailPlane.RUNNING, "delivery_paused": False, "vault": USABLE}
    for name in tuple(relay):
        relay[name] = fields.pop(name, relay[name])
    report = RelayReport(
        version="1", api_version=1, pid=1, started_at=0, data_folder="/", host_name="mx.example.com", revision=1, listeners=(),
        problems=problems, **relay,
    )  # fmt: skip
    configuration = fields.pop("configuration", {"gateways": [{"id": "gw-1", "mode": "round-robin", "host": "a.example.com"}],
                                                 "listeners": [{"id": "ls-1"}]})  # fmt: skip
    spool = fields.pop("spool", SpoolFigures())
    return Known(report, spool, Configuration.model_validate(configuration).model_dump(mode="json"), **fields)


def test_a_relay_in_order_needs_nothing() -> None:
    assert needs(known()) == []


def test_every_trouble_has_a_button_and_the_worst_comes_first() -> None:
    found = needs(
        known(
            (
                Problem("gateway", "rests", "refused", subject="gateway:gw-1@192.0.2.1", since=NOW),
                Problem("listener", "x", "address in use", subject="listener:ls-1"),
                Problem("disk", "full"),
                Problem("spool", "The spool file is damaged.", "page 3", "Restart Gatepost."),
                Problem("dkim", "Mail is not signed.", "no key", subject="dkim:dkim-1"),
                Problem("inspection", "clamd gives no answer.", "refused", subject="source:clamd"),
                Problem("monitoring", "x", "address in use", subject="metrics"),
                Problem("certificate", "The certificate for a.example has expired.", subject="listener:ls-1"),
                Problem("certificate", "The certificate that Main is accepted by expires in 5 days.", subject="gateway:gw-1"),
                Problem("waiting", "1,200 deliveries wait in the spool.", subject="spool:waiting"),
                Problem("refusals", "90 times somebody was refused within an hour.", subject="reception:refusals"),
                Problem("remote", "x", "The certificate expires soon.", "Renew it.", subject="remote"),
                Problem("pickup", "The pickup folder /x cannot be used.", "no folder", subject="pickup:folder"),
            ),
            mail=MailPlane.STOPPED,
            vault=VaultReport("keyring", "GNOME Keyring", False, "locked"),
            spool=SpoolFigures(held=3, total=3, quarantined=1),
            noted=(Attention("child", "The relay ended", page="settings"),),
        )
    )
    assert [need.weight for need in found] == sorted((need.weight for need in found), key=list(Weight).index)
    assert all(need.title and need.button for need in found)
    shown = {(need.page, *dict(need.arguments).values()) for need in found if need.mend is Mend.SHOW}
    assert {("gateways", "gw-1"), ("settings", "listeners", "ls-1"), ("settings", "spool"), ("spool", "held")} <= shown
    assert {("settings", "dkim", "dkim-1"), ("settings", "virus"), ("settings", "metrics"), ("quarantine",)} <= shown
    assert ("settings", "remote") in shown
    assert {("settings", "certificates", "ls-1"), ("settings", "alarms"), ("settings", "pickup"), ("spool",)} <= shown
    assert "2 messages are held." in {need.title for need in found}
    assert found[0].mend is Mend.START


def test_a_gateway_without_its_password_and_mail_without_a_way_are_found() -> None:
    gateway = {
        "id": "gw-1", "mode": "specific-domains", "host": "a.example.com", "auth": {"enabled": True, "username": "me"},
    }  # fmt: skip
    found = needs(known(configuration={"gateways": [gateway]}))
    assert [need.page for need in found] == ["gateways", "settings", "settings"]
    network = {"network": "0.0.0.0/0", "confirmed_world": True}
    listener = {"id": "ls-1"}
    found = needs(known(configuration={"trusted_networks": [network], "listeners": [listener]}))
    assert {need.title for need in found} == {"There is no gateway yet.", "This is an open relay."}


async def test_the_page_shows_a_real_relay_and_starts_it_again(connected_context: AppContext, show: Callable[..., Any]) -> None:
    page = OverviewPage(connected_context)
    connected_context.session.snapshot_arrived.connect(page.on_snapshot)
    connected_context.session.happened.connect(page.on_event)
    show(page)
    await page.enter()
    assert page.throughput.chart.accessibleName() == "Throughput"
    assert "There is no gateway yet." in texts(page)

    await connected_context.session.client.stop()
    await until(lambda: "The relay is stopped." in texts(page), "the overview asks for a start")
    button(page, "Start").click()
    await until(lambda: "The relay is stopped." not in texts(page), "the relay runs again")
    status = await connected_context.session.client.status()
    assert status.relay.mail is MailPlane.RUNNING
    await page.leave()
    await closed(page)


async def test_a_refusal_is_counted_on_the_page_at_once(connected_context: AppContext, show: Callable[..., Any]) -> None:
    page = OverviewPage(connected_context)
    connected_context.session.happened.connect(page.on_event)
    show(page)
    await page.enter()
    (listener,) = (await connected_context.session.client.status()).relay.listeners

    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", listener.port) as smtp:
            smtp.sendmail("a@example.com", ["b@example.org"], "Subject: x\r\n\r\nx\r\n")

    await asyncio.to_thread(deliver)
    await until(lambda: " 1" in page.waiting.accessibleName(), "the message is counted")
    totals = await connected_context.session.client.totals()
    assert {t.name: t.value for t in totals}["accepted"] == 1
    await page.leave()
    await closed(page)


def texts(page: QWidget) -> list[str]:
    return [found.text() for found in page.findChildren(QLabel) if found.isVisibleTo(page)]


def button(page: QWidget, text: str) -> QPushButton:
    return next(found for found in page.findChildren(QPushButton) if found.text().replace("&", "") == text)


async def test_sums_of_a_time_that_is_not_shown_any_more_do_not_take_the_place_of_the_others(
    connected_context: AppContext, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = OverviewPage(connected_context)
    show(page)
    await page.enter()
    client, held = connected_context.session.client, asyncio.Event()
    real = client.history

    async def slow(minutes: int, step: int) -> Any:
        found = await real(minutes, step)
        if step == Range.HOUR.step:
            await held.wait()
        return found

    monkeypatch.setattr(client, "history", slow)
    page.throughput.range = Range.HOUR
    earlier = asyncio.ensure_future(page._load_range())
    await asyncio.sleep(0)
    page.throughput.range = Range.WEEK
    await page._load_range()
    held.set()
    await earlier
    assert page._charted.step == Range.WEEK.step
    await closed(page)


async def test_what_keeps_happening_does_not_keep_the_overview_from_being_read_anew(
    connected_context: AppContext, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = OverviewPage(connected_context)
    show(page)
    await page.enter()
    event = EventMessage(sequence=1, kind="gateway.resting", at=NOW, data={})
    page.on_event(event)
    assert page._settle.isActive()
    begun: list[int] = []
    monkeypatch.setattr(page._settle, "start", lambda: begun.append(1))
    page.on_event(event)
    assert begun == []
    await page.leave()
    await closed(page)
