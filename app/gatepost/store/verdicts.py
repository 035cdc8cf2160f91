"""What primaries said of their recipients, kept beyond the process: a file of its own, cheap to lose and to rebuild.

Rows are keyed by gateway and address. Times are seconds since the epoch.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from .database import Database, ReadDatabase, Schema, Step, open_database
from .folder import DataFolder
from .writer import Connection, Writer

log = logging.getLogger(__name__)


def _first_schema(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE verdict (gateway_id TEXT NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL, source TEXT NOT NULL,"
        " reason TEXT NOT NULL, fetched_at REAL NOT NULL, PRIMARY KEY (gateway_id, address)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX verdict_age ON verdict (fetched_at)")


SCHEMA = Schema("verdicts", (Step("verdicts", _first_schema),))


@dataclass(frozen=True, slots=True)
class VerdictRow:
    gateway_id: str
    address: str
    state: str
    source: str
    reason: str
    fetched_at: float


class Verdicts:
    """``synchronous=NORMAL``: a power cut may forget the newest verdicts; they are asked for again."""

    def __init__(self, database: Database) -> None:
        self._readers = ReadDatabase(database.path, cache_kib=500)
        self._writer = Writer(database, "verdicts")

    @classmethod
    def open(cls, folder: DataFolder, clock: Callable[[], float]) -> Verdicts:
        path = folder.path / "verdicts.sqlite"
        database, _ = open_database(path, SCHEMA, folder, clock, synchronous="NORMAL", cache_kib=500)
        return cls(database)

    def put(self, row: VerdictRow) -> None:
        """Returns at once; the row is written with whatever else waits."""
        values = (row.gateway_id, row.address, row.state, row.source, row.reason, row.fetched_at)

        def write(connection: Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?, ?, ?)", values)

        self._writer.submit(write).add_done_callback(_report)

    async def get(self, gateway_id: str, address: str) -> VerdictRow | None:
        rows = await self._read("SELECT * FROM verdict WHERE gateway_id = ? AND address = ?", (gateway_id, address))
        return rows[0] if rows else None

    async def search(self, text: str = "", gateway_id: str = "", limit: int = 100) -> list[VerdictRow]:
        """Newest first, everything that was ``put`` before included. ``text`` matches anywhere in the address."""
        await self._writer.submit(lambda _connection: None)
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        return await self._read(
            "SELECT * FROM verdict WHERE address LIKE ? ESCAPE '\\' AND ? IN ('', gateway_id) ORDER BY fetched_at DESC LIMIT ?",
            (pattern, gateway_id, min(limit, 1000)),
        )

    async def flush(self, gateway_id: str = "", address: str = "") -> int:
        """Forget all, one gateway's, or one address; returns how many."""

        def delete(connection: Connection) -> int:
            return connection.execute(
                "DELETE FROM verdict WHERE ?1 IN ('', gateway_id) AND ?2 IN ('', address)", (gateway_id, address)
            ).rowcount

        return await self._writer.submit(delete)

    async def prune(self, before: float) -> int:
        """Forget what was fetched before ``before``."""

        def delete(connection: Connection) -> int:
            return connection.execute("DELETE FROM verdict WHERE fetched_at < ?", (before,)).rowcount

        return await self._writer.submit(delete)

    async def close(self) -> None:
        await self._writer.aclose()
        self._readers.close_all()

    async def _read(self, sql: str, values: tuple[object, ...]) -> list[VerdictRow]:
        return await asyncio.to_thread(lambda: [VerdictRow(*row) for row in self._readers.connection().execute(sql, values)])


def _report(future: asyncio.Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("a verdict was not kept: %s", error)
