"""Which relay the window administers: this computer's, the installed service, another machine's. With real relays."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtWidgets import QApplication

from gatepost.control.client import Remote, Service
from gatepost.desktop.add_relay import AddRelayDialog
from gatepost.desktop.application import Application
from gatepost.desktop.i18n import set_language, tr
from gatepost.desktop.move_dialog import MoveDialog
from gatepost.desktop.relay_chooser import RelayChooser
from gatepost.desktop.relay_words import Offer, words_for
from gatepost.desktop.service_commands import start_command
from gatepost.desktop.supervisor import Phase
from gatepost.model.secret import Secret
from gatepost.relays.book import RelayBook, validated

from ..support.procfs import is_running
from ..support.relay_process import RelayProcess
from ..support.relaying import relaying
from ..support.remote import fingerprint_at, make_token, switch_on
from .living import live, sealed_app
from .test_supervisor import Make, own_runtime_folder, supervise
from .waiting import until

__all__ = ["own_runtime_folder", "supervise"]  # fixtures


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    process, _ = relaying(tmp_path_factory.mktemp("far"), [])
    with process:
        yield process


@pytest.fixture(scope="module")
def port(far: RelayProcess) -> int:
    return switch_on(far)


@pytest.fixture(scope="module")
def token(far: RelayProcess, port: int) -> str:
    return make_token(far, "window")


def remote(port: int, token: str) -> Remote:
    return Remote("Office", "127.0.0.1", port, fingerprint_at(port), Secret(token))


async def test_our_relay_goes_on_while_another_one_is_administered_and_is_ours_again(
    supervise: Make, far: RelayProcess, port: int, token: str
) -> None:
    supervisor = supervise()
    session = supervisor._session
    supervisor.start()
    await until(lambda: supervisor.status.phase is Phase.RUNNING, "our relay runs")
    own = (await session.client.status()).relay.pid
    await supervisor.switch(remote(port, token))
    await until(lambda: session.is_connected, "the other relay answers")
    assert (await session.client.status()).relay.pid == far.pid
    assert not supervisor.status.is_ours
    assert is_running(own)
    await supervisor.switch(None)
    await until(lambda: supervisor.status.phase is Phase.RUNNING and session.is_connected, "back on this computer")
    assert (await session.client.status()).relay.pid == own
    assert supervisor.status.is_ours
    await supervisor.stop()
    assert not is_running(own), "ours ends with the app"
    assert far.process.is_running, "another's never does"


async def test_the_installed_service_is_attached_to_when_it_comes_and_none_is_started_in_its_place(
    supervise: Make, tmp_path: Path
) -> None:
    runtime = Path(tempfile.mkdtemp(prefix="gp-service-"))
    supervisor = supervise()
    await supervisor.switch(Service(runtime))
    await until(lambda: supervisor.status.phase is Phase.UNREACHABLE, "it does not run")
    words = words_for(supervisor.status, supervisor._session.state, None)
    assert words.offer is Offer.START_SERVICE
    assert not supervisor.owns_relay
    service = RelayProcess(tmp_path / "service", options=("--runtime-folder", str(runtime)))
    service.process.start()
    try:
        await asyncio.to_thread(service.process.wait_until, (runtime / "endpoint.json").exists, "the service runs", 20)
        supervisor.try_again()
        await until(lambda: supervisor.status.phase is Phase.RUNNING and supervisor._session.is_connected, "it is attached to")
        assert not supervisor.status.is_ours
        await supervisor._session.close()
        await supervisor.stop()
        assert service.process.is_running, "the app never ends a service"
    finally:
        await asyncio.to_thread(service.stop)
        service.__exit__(None, None, None)
        shutil.rmtree(runtime)


@pytest.mark.parametrize("what", ["certificate", "token"])
async def test_what_is_refused_is_said_and_tried_again_later(supervise: Make, port: int, token: str, what: str) -> None:
    where = remote(port, token if what == "certificate" else "gp_wrong")
    if what == "certificate":
        where = Remote(where.name, where.host, where.port, "ab" * 32, where.token)
    supervisor = supervise()
    await supervisor.switch(where)
    await until(lambda: supervisor.status.phase is Phase.UNREACHABLE, "it is refused")
    words = words_for(supervisor.status, supervisor._session.state, None)
    assert words.state == ("Its certificate is refused" if what == "certificate" else "No access")
    assert supervisor.status.problem is not None
    assert supervisor.status.problem.hint
    await supervisor._session.close()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_loop: Callable[..., Any]) -> Iterator[Application]:
    monkeypatch.setenv("GATEPOST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GATEPOST_SERVICE", str(tmp_path / "no-service"))
    with sealed_app(tmp_path, monkeypatch, on_loop) as found:
        yield found


async def test_the_app_switches_remembers_and_asks_about_drafts(
    app: Application, far: RelayProcess, port: int, token: str
) -> None:
    known = validated("Office", "127.0.0.1", port, fingerprint_at(port))
    await RelayBook().add(known, Secret(token))
    living = live(app)
    await until(lambda: app.frame.current is not None, "the first page is shown")
    app.frame.navigate("settings", section="spool")
    await until(lambda: getattr(app.frame.current, "key", "") == "settings", "the settings are shown")
    page = cast(Any, app.frame.current)
    await until(lambda: page.section is not None and page.section.model.get("spool.lifetime_hours"), "they are loaded")
    page.section.form.put("spool.lifetime_hours", 71)
    switching = asyncio.ensure_future(app.switch("Office"))
    await until(lambda: QApplication.activeModalWidget() is not None, "it asks about the draft")
    cast(Any, QApplication.activeModalWidget()).reject()
    await switching
    assert app.context.place_key == ""
    assert page.section.form.model.is_dirty, "the draft is kept"
    page._revert()
    await app.switch("Office")
    await until(lambda: app.session.is_connected, "the other relay answers")
    assert (await app.session.client.status()).relay.pid == far.pid
    assert app.frame.sidebar.foot.where.text().strip() == "Office"
    assert app.preferences.text("relay/chosen") == "Office"
    chooser = app.frame.sidebar.foot.where
    chooser.fill()
    names = [action.objectName() for action in chooser.relay_menu.actions() if action.objectName()]
    assert names == ["relay-local", "relay-Office", "relay-add", "relay-forget"]
    assert next(a for a in chooser.relay_menu.actions() if a.objectName() == "relay-Office").isChecked()
    chooser.forget_wanted.emit("Office")
    await until(lambda: QApplication.activeModalWidget() is not None, "it asks before it forgets")
    cast(Any, QApplication.activeModalWidget()).answer("yes")
    await until(lambda: app.supervisor.status.is_ours and app.session.is_connected, "this computer's relay is back")
    assert RelayBook().all() == ()
    assert app.context.place_key == ""
    app._exit.set()
    await asyncio.wait_for(living, 30)
    assert far.process.is_running


async def test_a_relay_is_not_forgotten_under_a_draft_that_somebody_keeps(
    app: Application, far: RelayProcess, port: int, token: str
) -> None:
    await RelayBook().add(validated("Office", "127.0.0.1", port, fingerprint_at(port)), Secret(token))
    living = live(app)
    await until(lambda: app.frame.current is not None, "the first page is shown")
    await app.switch("Office")
    await until(lambda: app.session.is_connected, "the other relay answers")
    await app.frame.visit("settings", section="spool")
    page = cast(Any, app.frame.current)
    page.section.form.put("spool.lifetime_hours", 71)
    forgetting = asyncio.ensure_future(app.frame._places.forget("Office"))
    await until(lambda: QApplication.activeModalWidget() is not None, "it asks before it forgets")
    asked = cast(Any, QApplication.activeModalWidget())
    asked.answer("yes")
    await until(lambda: QApplication.activeModalWidget() not in (None, asked), "it asks about the draft")
    cast(Any, QApplication.activeModalWidget()).reject()
    await forgetting
    assert [known.name for known in RelayBook().all()] == ["Office"]
    assert page.section.form.model.is_dirty
    await RelayBook().remove("Office")
    app._exit.set()
    await asyncio.wait_for(living, 30)


async def test_a_relay_that_cannot_be_reached_for_costs_no_draft(app: Application) -> None:
    living = live(app)
    await until(lambda: app.frame.current is not None, "the first page is shown")
    await app.frame.visit("settings", section="spool")
    page = cast(Any, app.frame.current)
    page.section.form.put("spool.lifetime_hours", 71)
    await app.switch("Nowhere")
    assert page.section.form.model.is_dirty, "nobody was asked what becomes of it"
    assert app.frame.notice.isVisible()
    page._revert()
    app._exit.set()
    await asyncio.wait_for(living, 30)


async def test_of_two_relays_that_are_chosen_at_once_the_last_one_is_administered(
    app: Application, far: RelayProcess, port: int, token: str
) -> None:
    await RelayBook().add(validated("Office", "127.0.0.1", port, fingerprint_at(port)), Secret(token))
    living = live(app)
    await until(lambda: app.supervisor.status.phase is Phase.RUNNING, "this computer's relay runs")
    await asyncio.gather(app.switch("Office"), app.switch(""), app.switch("Office"))
    await until(lambda: app.session.is_connected, "a relay answers")
    assert app.context.place_key == "Office"
    assert (await app.session.client.status()).relay.pid == far.pid
    watchers = [task for task in asyncio.all_tasks() if task.get_name() == "supervisor"]
    assert len(watchers) == 1
    await RelayBook().remove("Office")
    app._exit.set()
    await asyncio.wait_for(living, 30)


async def test_a_relay_that_was_forgotten_does_not_keep_the_app_from_starting(app: Application) -> None:
    app.preferences.set_text("relay/chosen", "Gone")
    living = live(app)
    await until(lambda: app.supervisor.status.phase is Phase.RUNNING, "this computer's relay runs instead")
    assert app.session.elsewhere is None
    await until(lambda: app.frame.notice.isVisible(), "why it is not the one of last time is said above the first page")
    assert "Gone" in app.frame.notice.text
    app.frame.navigate("spool")
    await until(lambda: app.frame.current is not None and app.frame.current.key == "spool", "another page is shown")
    assert not app.frame.notice.isVisible()
    app._exit.set()
    await asyncio.wait_for(living, 30)


async def test_a_relay_is_added_after_its_certificate_was_compared_and_its_token_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: RelayProcess, port: int, token: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    dialog = AddRelayDialog(None)
    asked = asyncio.ensure_future(dialog.ask())
    await asyncio.sleep(0)
    dialog.name_field.setText("Office")
    dialog.host_field.setText("no host name!")
    await dialog.go_on()
    assert "host" in dialog.problem.accessibleName() + dialog.problem._detail.text()
    dialog.host_field.setText("127.0.0.1")
    dialog.port_field.set_value(port)
    dialog.token_field.setText("gp_wrong")
    looking = asyncio.ensure_future(dialog.go_on())
    await asyncio.sleep(0)
    dialog.host_field.setText("other.example.org")
    await looking
    assert dialog._seen is None, "the certificate of one host is not offered for another"
    dialog.host_field.setText("127.0.0.1")
    await dialog.go_on()
    assert dialog.fingerprint.text().replace(" ", "").lower() == fingerprint_at(port)
    assert not dialog.go.isEnabled(), "nothing goes on before it was compared"
    dialog.same.setChecked(True)
    await dialog.go_on()
    assert "does not accept the token" in dialog.problem._title.text()
    dialog.token_field.setText(token)
    await dialog.go_on()
    assert await asked == "added"
    assert [one.name for one in RelayBook().all()] == ["Office"]
    place = await RelayBook().place("office")
    assert isinstance(place, Remote)
    assert place.token == Secret(token)


async def test_who_gives_up_while_nothing_answers_leaves_nothing_behind() -> None:
    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    ended = asyncio.Event()
    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    unexpected: list[BaseException] = []
    dialog = AddRelayDialog(None)
    dialog._tasks._report = lambda error, _name: unexpected.append(error)
    asked = asyncio.ensure_future(dialog.ask())
    await asyncio.sleep(0)
    dialog.host_field.setText("127.0.0.1")
    dialog.port_field.set_value(silent.sockets[0].getsockname()[1])
    dialog.go.click()
    await until(lambda: not dialog.go.isEnabled(), "it looks")
    dialog.reject()
    assert await asked == ""
    assert unexpected == []
    ended.set()
    silent.close()
    await silent.wait_closed()


def test_a_program_in_a_folder_of_any_name_is_started_with_an_administrators_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", '/Users/ann/Ann\'s "own" apps/gatepost')
    program, flag, script = start_command()
    assert (program, flag) == ("osascript", "-e")
    line = script.removeprefix('do shell script "').removesuffix('" with administrator privileges')
    said = shlex.split(re.sub(r"\\(.)", r"\1", line))
    assert said == [
        '/Users/ann/Ann\'s "own" apps/gatepost-relay',
        "--json",
        "service",
        "start",
    ]


def test_the_service_is_offered_where_one_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("GATEPOST_SERVICE", str(tmp_path / "run"))
    chooser = RelayChooser()
    chooser.fill()
    names = [action.objectName() for action in chooser.relay_menu.actions() if action.objectName()]
    assert names == ["relay-local", "relay-service", "relay-add", "relay-move"]
    monkeypatch.setenv("GATEPOST_SERVICE", os.devnull)
    chooser.fill()
    assert "relay-service" not in [action.objectName() for action in chooser.relay_menu.actions()]


WORKS = (
    "import json; print(json.dumps({'stage': 'copying', 'done': 5, 'total': 10}), flush=True);"
    "print(json.dumps({'moved_to': '/home/ann/data.moved-1', 'data_folder': '/var/lib/gatepost', 'set_aside': '',"
    "'hint': 'Join it: sudo usermod -aG gatepost ann.'}))"
)
FAILS = (
    "import json, sys; print(json.dumps({'error': {'title': 'The service is in use.', 'detail': 'So.', 'hint': 'Say it.',"
    "'code': 'conflict', 'issues': []}}), file=sys.stderr); sys.exit(5)"
)


async def test_the_move_shows_how_it_ended_in_words(tmp_path: Path) -> None:
    script = [FAILS]
    dialog = MoveDialog(tmp_path, None, command=lambda _folder: [sys.executable, "-c", script[0]])
    asked = asyncio.ensure_future(dialog.ask())
    await asyncio.sleep(0)
    await dialog.move_now()
    assert dialog.outcome._title.text() == "The service is in use."
    assert dialog.outcome._detail.text() == "So. Say it."
    set_language("de")
    script[0] = FAILS.replace("The service is in use.", "The relay is not running.")
    await dialog.move_now()
    assert dialog.outcome._title.text() == tr("The relay is not running.") != "The relay is not running."
    set_language("en")
    script[0] = WORKS
    await dialog.move_now()
    assert "has moved" in dialog.outcome._title.text()
    assert "/home/ann/data.moved-1" in dialog.outcome._detail.text()
    assert "usermod -aG gatepost ann" in dialog.outcome._detail.text()
    dialog.go.click()
    assert await asked == "moved"
