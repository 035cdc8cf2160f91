"""Where the API listens: a Unix socket for its owner alone, or a named pipe on Windows."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import stat
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from ...model.errors import GatepostError
from .group import Group
from .guard import NOT_OURS, Authenticator, bearer, peers

if TYPE_CHECKING:
    from .facade import RelayFacade

SOCKET_NAME = "control.sock"
TOKEN_NAME = "control.token"  # noqa: S105 - a file's name
MAX_PATH = 103
"""Octets that fit into a Unix socket's address on every system (macOS has the least)."""
SHUTDOWN_SECONDS = 3.0


class ControlServer:
    """The control API of one relay. ``address`` is what the endpoint file tells clients."""

    def __init__(self, runner: web.AppRunner, address: str, clean_up: Callable[[], None]) -> None:
        self._runner = runner
        self._clean_up = clean_up
        self.address = address

    async def close(self) -> None:
        await self._runner.cleanup()
        self._clean_up()


async def serve(facade: RelayFacade, folder: Path, group: Group | None = None) -> ControlServer:
    """Listen in ``folder``, the relay's runtime folder, which must exist: private, or open to ``group`` and nobody else. The
    caller holds the instance lock.

    Raises GatepostError when the folder is open to others or its path too long.
    """
    return await (_serve_pipe if sys.platform == "win32" else _serve_unix)(facade, folder, group)


async def _start(facade: RelayFacade, authenticators: Iterable[Authenticator], words: tuple[str, str]) -> web.AppRunner:
    from .application import make_application

    application = make_application(facade, authenticators, words=words)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    return runner


async def _serve_unix(facade: RelayFacade, folder: Path, group: Group | None) -> ControlServer:
    path = folder / SOCKET_NAME
    listening = _private_socket(path, group)
    authenticators, words = [peers()], (NOT_OURS, "")
    if group is not None:
        authenticators.append(group.authenticator())
        words = group.words()
    try:
        runner = await _start(facade, authenticators, words)
        await web.SockSite(runner, listening).start()
    except BaseException:
        listening.close()
        raise

    def clean_up() -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()

    return ControlServer(runner, str(path), clean_up)


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


async def _serve_pipe(facade: RelayFacade, folder: Path, _group: Group | None) -> ControlServer:
    """A named pipe tells no peer, so callers show a token that only this account can read.

    The pipe's name is new for each start: nobody can squat on it beforehand.
    """
    token = secrets.token_urlsafe(32)
    token_file = folder / TOKEN_NAME
    descriptor = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(token)
    address = rf"\\.\pipe\gatepost-{secrets.token_hex(8)}"
    runner = await _start(facade, [bearer(token, _windows_account())], (NOT_OURS, ""))
    await web.NamedPipeSite(runner, address).start()

    def clean_up() -> None:
        with contextlib.suppress(FileNotFoundError):
            token_file.unlink()

    return ControlServer(runner, address, clean_up)


def _windows_account() -> str:
    return os.environ.get("USERNAME") or "this account"
