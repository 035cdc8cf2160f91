"""The first steps of developers: a listener captures, and the first message lies in the test inbox."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gatepost.control.capture_schema import CapturedListRequest
from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.first_run import FirstRunPage
from gatepost.desktop.pages.first_run.purpose import CAPTURE

from ..support.ports import free_port
from .waiting import closed, until


@pytest.fixture
def page(connected_context: AppContext, show: Callable[..., Any], on_loop: Callable[..., Any]) -> Iterator[FirstRunPage]:
    found = FirstRunPage(connected_context)
    show(found, 980, 900)
    connected_context.session.happened.connect(lambda event: found.on_event(event))
    on_loop(found.enter())
    yield found
    on_loop(closed(found))


async def test_a_new_listener_captures_and_the_first_message_is_announced(page: FirstRunPage) -> None:
    client, port = page.context.session.client, free_port()
    page.purpose._buttons[CAPTURE].setChecked(True)
    page.purpose.go_on.click()
    await until(lambda: not page.tasks.names, "a port is proposed")
    assert page.inbox.isVisible()
    page.inbox.port.set_value(port)
    page.inbox.go_on.click()
    await until(lambda: "captured" in page.__dict__ and page.captured.isVisible(), "it is saved and open")
    listeners = (await client.objects("listeners")).value
    made = next(one for one in listeners if one["port"] == port)
    assert made["handling"] == {"action": "capture"}
    assert [one["handling"]["action"] for one in listeners if one is not made] == ["deliver"]

    step = page.captured
    assert f":{port} " in step.snippets.shell.text
    step.send.click()
    await until(lambda: step.result.accessibleName() == "It arrived in the test inbox.", "the message is announced")
    (row,) = await client.captured_list(CapturedListRequest())
    assert row.subject == "Hello from Gatepost"

    with smtplib.SMTP("127.0.0.1", port, timeout=10) as program:
        program.sendmail("app@example.com", ["you@example.com"], "Subject: From a program\r\n\r\nHello\r\n")
    await until(lambda: step.result.accessibleDescription() == "From a program", "so is one of the person's own program")
    went: list[str] = []
    page.context.navigate = lambda key, **_: went.append(key)
    step.show_inbox.click()
    assert went == ["inbox"]
    assert page.context.preferences.flag("first-run/done")


async def test_the_listener_that_is_there_is_proposed_and_switched(page: FirstRunPage) -> None:
    client = page.context.session.client
    (listener,) = (await client.objects("listeners")).value
    page.purpose.chosen.emit(CAPTURE)
    await until(lambda: page.inbox.port.value() == listener["port"], "its port is proposed")
    page.inbox.go_on.click()
    await until(lambda: "captured" in page.__dict__ and page.captured.isVisible(), "it is saved")
    (same,) = (await client.objects("listeners")).value
    assert (same["id"], same["handling"]) == (listener["id"], {"action": "capture"})


async def test_a_port_that_is_no_number_or_taken_is_said(page: FirstRunPage) -> None:
    notices: list[Any] = []
    page.context.messages.banner_raised.connect(notices.append)
    page.purpose.chosen.emit(CAPTURE)
    await until(lambda: not page.tasks.names, "a port is proposed")
    page.inbox.port.set_value(0)
    page.inbox.go_on.click()
    await until(lambda: page.inbox.row.error, "it is said at the field")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        page.inbox.port.set_value(taken.getsockname()[1])
        page.inbox.go_on.click()
        await until(lambda: notices, "the banner")
    assert notices[0].title == "The port cannot be opened."
    assert "captured" not in page.__dict__
