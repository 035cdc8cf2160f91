"""Reading beside the writer: threads with read-only connections of their own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .database import ReadDatabase
from .errors import translated

T = TypeVar("T")


class Readers:
    """A small pool for one file. What it reads is what was committed when the read began. ``pause``: see ``Database``."""

    def __init__(self, path: Path, label: str, threads: int = 1, *, pause: Callable[[], None] | None = None) -> None:
        self._pause = pause
        self._database = ReadDatabase(path)
        self._label = label
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"gatepost-{label}-reader")

    async def run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``read`` in one of the threads. Disk errors come as StoreError."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, read)

    def call(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Like ``run``, blocking, for threads without a loop."""
        return self._threads.submit(self._read, read).result()

    def close(self) -> None:
        """Wait for what runs, then close the connections. Blocking."""
        self._threads.shutdown(wait=True)
        self._database.close_all()

    def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        if self._pause is not None:
            self._pause()
        try:
            return read(self._database.connection())
        except Exception as error:
            shown = translated(error, self._label)
            if shown is error:
                raise
            raise shown from error
