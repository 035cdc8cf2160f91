"""The API is loaded when somebody calls for the first time, and nobody who calls meanwhile is lost."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from gatepost.control.server.transport import Door, _private_socket
from tests.support.control import ControlApi

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there it is a named pipe, served from the start")


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        yield Path(folder, "control.sock")


class Loading:
    """Starts a small API, when it may; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.started = 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def start(self) -> web.AppRunner:
        self.started += 1
        await self.may_go_on.wait()
        if self.failures:
            self.failures -= 1
            raise ImportError("a file of the program cannot be read")

        async def answer(_request: web.Request) -> web.Response:
            return web.json_response({"answer": 42})

        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        return runner


def door(path: Path, loading: Loading, loaded: list[str]) -> Door:
    return Door(_private_socket(path, None), loading.start, lambda: loaded.append("loaded"))


async def test_all_who_call_while_it_is_loaded_are_answered_and_it_is_loaded_once(path: Path) -> None:
    loading, loaded = Loading(), list[str]()
    loading.may_go_on.clear()
    one = door(path, loading, loaded)
    assert loading.started == 0
    api = ControlApi(str(path))
    calls = [asyncio.create_task(asyncio.to_thread(api.get, "/")) for _ in range(5)]
    while not loading.started:
        await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    loading.may_go_on.set()
    assert [answer["answer"] for answer in await asyncio.gather(*calls)] == [42] * 5
    assert (loading.started, loaded) == (1, ["loaded"])
    assert (await asyncio.to_thread(api.get, "/"))["answer"] == 42
    await one.cleanup()


async def test_callers_are_turned_away_when_it_cannot_be_loaded_and_the_next_one_has_another_try(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loading, loaded = Loading(failures=1), list[str]()
    one = door(path, loading, loaded)
    with caplog.at_level(logging.ERROR), pytest.raises((OSError, http.client.HTTPException)):
        await asyncio.to_thread(ControlApi(str(path)).get, "/")
    assert "cannot be loaded" in caplog.text
    assert loaded == []
    assert (await asyncio.to_thread(ControlApi(str(path)).get, "/"))["answer"] == 42
    assert loaded == ["loaded"]
    await one.cleanup()


async def test_it_closes_before_anybody_called_and_while_it_is_loaded(path: Path) -> None:
    loading, loaded = Loading(), list[str]()
    await door(path, loading, loaded).cleanup()
    assert loading.started == 0
    loading.may_go_on.clear()
    one = door(path, loading, loaded)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
        while not loading.started:
            await asyncio.sleep(0)
        await one.cleanup()
        caller.settimeout(10)
        with contextlib.suppress(ConnectionResetError):  # or an end of file, as the system likes it: nobody took the call
            assert caller.recv(1) == b""
    assert loaded == []
