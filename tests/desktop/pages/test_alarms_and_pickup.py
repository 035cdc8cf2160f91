"""Settings → Alarms and Pickup folder against a real relay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gatepost.control.tracking_schema import TrackRequest
from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.settings import SettingsPage
from gatepost.model.errors import GatepostError

from ..waiting import closed, settled


@pytest.fixture
def page(connected_context: AppContext, show: Callable[..., Any]) -> SettingsPage:
    made = SettingsPage(connected_context)
    show(made, 1120, 780)
    return made


async def test_a_test_notice_goes_to_whom_the_saved_settings_name(page: SettingsPage) -> None:
    await page.enter(section="alarms")
    section: Any = page.section
    assert not section.test.isEnabled(), "nobody is named"
    with pytest.raises(GatepostError, match="Nobody is named"):
        await section.send_test()
    section.form.put("alarms.mail", True)
    assert not await section.save(), "somebody has to be named"
    section.form.put("alarms.recipients", ["admin@example.org", "night@example.org"])
    section.follow()
    assert not section.test.isEnabled(), "save first"
    assert await section.save()
    assert section.test.isEnabled()
    await section.send_test()
    assert section.said.isVisibleTo(section)
    (sent,) = (await page.context.session.client.track(TrackRequest())).messages  # also when it has left already
    assert {one.address for one in sent.recipients} == {"admin@example.org", "night@example.org"}
    await closed(page)


async def test_quiet_hours_need_both_ends_and_a_time_of_day(page: SettingsPage) -> None:
    await page.enter(section="alarms")
    section: Any = page.section
    section.form.put("alarms.quiet_from", "25:00")
    assert not await section.save()
    section.form.put("alarms.quiet_from", "22:00")
    assert not await section.save()
    section.form.put("alarms.quiet_until", "06:00")
    assert await section.save()
    await closed(page)


async def test_a_pickup_folder_that_cannot_be_used_is_shown_where_it_is_set(page: SettingsPage) -> None:
    await page.enter(section="pickup")
    section: Any = page.section
    section.form.put("pickup.enabled", True)
    section.form.put("pickup.folder", "relative")
    assert not await section.save()
    section.form.put("pickup.folder", "/nonexistent/gatepost-pickup")
    assert await section.save()
    client = page.context.session.client

    for _ in range(500):
        if any(problem.kind == "pickup" for problem in (await client.status()).relay.problems):
            break
        await settled()
    await section.load()
    assert section.problem.isVisibleTo(section)
    await closed(page)
