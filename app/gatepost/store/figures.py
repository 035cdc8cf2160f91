"""Sums of what happened, by minute, kept for the overview: a file of its own, cheap to lose.

A minute counts from the epoch. Calls block and are made by one thread at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping

from .database import Database, Schema, Step, open_database
from .errors import translated
from .folder import DataFolder


def _first_schema(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE figure (minute INTEGER NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL,"
        " PRIMARY KEY (minute, name)) WITHOUT ROWID"
    )


FIGURES = Schema("figures", (Step("sums by minute", _first_schema),))
_WHAT = f"{FIGURES.label} file"


class Figures:
    """``synchronous=NORMAL``: a power cut may forget the newest minutes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, folder: DataFolder, clock: Callable[[], float]) -> Figures:
        path = folder.path / "figures.sqlite"
        database, _ = open_database(path, FIGURES, folder, clock, synchronous="NORMAL", cache_kib=200)
        return cls(database)

    def add(self, minutes: Iterable[tuple[int, Mapping[str, int]]], *, forget_before: int) -> None:
        """Add to what is kept of each minute, all or nothing, and forget what lies before a minute. Raises StoreError."""
        rows = [(minute, name, count) for minute, sums in minutes for name, count in sums.items()]
        try:
            with self._database.transaction() as connection:
                connection.executemany(
                    "INSERT INTO figure VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count", rows
                )
                connection.execute("DELETE FROM figure WHERE minute < ?", (forget_before,))
        except Exception as error:
            raise translated(error, _WHAT) from error

    def sums(self, since: int, *, step: int = 1) -> dict[int, dict[str, int]]:
        """Sums by name from the minute ``since`` on, for ``step`` minutes each, under the first minute of the step. Steps
        begin at multiples of ``step``; those in which nothing happened are left out. Raises StoreError."""
        found: dict[int, dict[str, int]] = {}
        try:
            rows = self._database.connection().execute(
                "SELECT minute / ?1 * ?1 AS first, name, sum(count) FROM figure WHERE minute >= ?2 GROUP BY first, name",
                (step, since),
            )
            for first, name, count in rows:
                found.setdefault(first, {})[name] = count
        except sqlite3.Error as error:
            raise translated(error, _WHAT) from error
        return found

    def close(self) -> None:
        self._database.close()
