"""One program at a time changes the book of relays: the app and commands may do so at the same moment."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from ..model.errors import Conflict

FILE_NAME = "lock"
PATIENCE = 40.0
"""Seconds. Another program may wait for its password manager meanwhile, which is given thirty."""
_LOOK_EVERY = 0.05

if sys.platform == "win32":

    def _lock(handle: IO[bytes]) -> None:
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(handle: IO[bytes]) -> None:
        import fcntl

        fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@asynccontextmanager
async def held(folder: Path, patience: float = PATIENCE) -> AsyncIterator[None]:
    """The exclusive right to change what is in ``folder``. The system releases it when the process ends, however it ends.

    Raises Conflict when somebody else has had it for ``patience`` seconds.
    """
    with _opened(folder) as handle:
        deadline = time.monotonic() + patience
        while True:
            try:
                _lock(handle)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise Conflict(
                        "Another program is changing the list of relays.", "", "Wait until it has done so, and try again."
                    ) from None
            await asyncio.sleep(_LOOK_EVERY)
        yield


def _opened(folder: Path) -> IO[bytes]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
