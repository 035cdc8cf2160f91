"""Where the API listens: a Unix socket for its owner alone, or a named pipe on Windows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import stat
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ...model.errors import GatepostError
from ...relay.common.tasks import Tasks

if TYPE_CHECKING:  # with aiohttp and the API behind it, loaded for the first caller
    from aiohttp import web

    from .facade import RelayFacade
    from .group import Group
    from .guard import Authenticator

log = logging.getLogger(__name__)

SOCKET_NAME = "control.sock"
TOKEN_NAME = "control.token"  # noqa: S105 - a file's name
MAX_PATH = 103
"""Octets that fit into a Unix socket's address on every system (macOS has the least)."""
SHUTDOWN_SECONDS = 3.0
BACKLOG = 128
"""Callers that wait while the API is loaded."""


class ControlServer:
    """The control API of one relay. ``address`` is what the endpoint file tells clients."""

    def __init__(self, door: Door | web.AppRunner, address: str, clean_up: Callable[[], None]) -> None:
        self._door = door
        self._clean_up = clean_up
        self.address = address

    async def close(self) -> None:
        await self._door.cleanup()
        self._clean_up()


async def serve(
    facade: RelayFacade, folder: Path, group: Group | None = None, *, loaded: Callable[[], None] = lambda: None
) -> ControlServer:
    """Listen in ``folder``, the relay's runtime folder, which must exist: private, or open to ``group`` and nobody else. The
    caller holds the instance lock. ``loaded`` is called when the API itself was loaded, for the first caller.

    Raises GatepostError when the folder is open to others or its path too long.
    """
    if sys.platform == "win32":
        return await _serve_pipe(facade, folder)
    return _serve_unix(facade, folder, group, loaded)


async def _start(
    facade: RelayFacade, authenticators: Callable[[], Iterable[Authenticator]], words: tuple[str, str] | None
) -> web.AppRunner:
    await asyncio.to_thread(_load)
    from aiohttp import web

    from .application import make_application
    from .http_log import HTTP_LOG

    application = make_application(facade, authenticators(), words=words)
    runner = web.AppRunner(
        application, access_log=None, logger=HTTP_LOG, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    return runner


def _load() -> None:
    """What is imported in a thread keeps no mail waiting."""
    from . import application, http_log  # noqa: F401


class Door:
    """A listening Unix socket behind which the API is loaded when somebody calls for the first time.

    The kernel keeps the callers waiting meanwhile. A relay that nobody administers just now never loads the API, which with
    the HTTP server takes a seventh of its memory; and mail is taken and sent while it is loaded.
    """

    def __init__(
        self, listening: socket.socket, start: Callable[[], Awaitable[web.AppRunner]], loaded: Callable[[], None]
    ) -> None:
        self._listening = listening
        self._start = start
        self._loaded = loaded
        self._runner: web.AppRunner | None = None
        self._tasks = Tasks("control API")
        listening.listen(BACKLOG)
        self._wait()

    async def cleanup(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listening)
        await self._tasks.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._listening.close()

    def _wait(self) -> None:
        asyncio.get_running_loop().add_reader(self._listening, self._called)

    def _called(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listening)
        self._tasks.spawn(self._open(), "load it for the first caller")

    async def _open(self) -> None:
        try:
            self._runner = await self._start()
            from aiohttp import web  # loaded off the loop by then

            await web.SockSite(self._runner, self._listening, backlog=BACKLOG).start()
        except Exception:
            log.exception("the control API cannot be loaded; the mail goes on")
            self._turn_away()
            self._wait()
            return
        self._loaded()

    def _turn_away(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listening.accept()
                connection.close()


def _serve_unix(facade: RelayFacade, folder: Path, group: Group | None, loaded: Callable[[], None]) -> ControlServer:
    path = folder / SOCKET_NAME
    listening = _private_socket(path, group)

    def authenticators() -> Iterable[Authenticator]:
        from .guard import peers

        yield peers()
        if group is not None:
            yield group.authenticator()

    words = group.words() if group is not None else None
    try:
        door = Door(listening, lambda: _start(facade, authenticators, words), loaded)
    except BaseException:
        listening.close()
        raise

    def clean_up() -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()

    return ControlServer(door, str(path), clean_up)


def _private_socket(path: Path, group: Group | None) -> socket.socket:
    found = path.parent.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & (0o077 if group is None else 0o027):
        raise GatepostError(
            "The runtime folder is open to others.",
            f"{path.parent} must belong to the relay's account, with mode {'0700' if group is None else '0750'}.",
            "Remove it and start the relay again.",
        )
    if len(os.fsencode(path)) > MAX_PATH:
        raise GatepostError(
            "The path of the control socket is too long.",
            f"{path} has more than {MAX_PATH} octets.",
            "Set XDG_RUNTIME_DIR to a folder with a shorter path.",
        )
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # left behind by a relay that was killed: the instance lock says that it is gone
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        listening.bind(str(path))
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(previous)
    if group is not None and path.stat().st_gid != group.gid:  # a service's unit may forbid to change it
        os.chown(path, -1, group.gid)
    path.chmod(0o600 if group is None else 0o660)
    listening.setblocking(False)
    return listening


async def _serve_pipe(facade: RelayFacade, folder: Path) -> ControlServer:
    """A named pipe tells no peer, so callers show a token that only this account can read.

    The pipe's name is new for each start: nobody can squat on it beforehand.
    """
    token = secrets.token_urlsafe(32)
    token_file = folder / TOKEN_NAME
    descriptor = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(token)
    address = rf"\\.\pipe\gatepost-{secrets.token_hex(8)}"

    def authenticators() -> Iterable[Authenticator]:
        from .guard import bearer

        yield bearer(token, _windows_account())

    runner = await _start(facade, authenticators, None)
    from aiohttp import web

    await web.NamedPipeSite(runner, address).start()

    def clean_up() -> None:
        with contextlib.suppress(FileNotFoundError):
            token_file.unlink()

    return ControlServer(runner, address, clean_up)


def _windows_account() -> str:
    return os.environ.get("USERNAME") or "this account"
