"""The configuration's history: every saved state as a revision, all or nothing.

A revision is one row with the whole configuration as JSON, so that a kill while saving leaves the old one or the new one.
Secrets are not part of it; ``secret_index`` knows only which ones there are and where they are kept.

Methods block for a disk flush: call them off the loop. They may be called from any thread.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..model.configuration import Configuration, parse_configuration
from ..model.errors import Conflict, GatepostError, InvalidInput, NotFound
from .database import Database, OpenReport, Schema, Step, open_database
from .errors import StoreError, translated
from .folder import DataFolder

log = logging.getLogger(__name__)

KEPT_REVISIONS = 500
_LABEL = "configuration"


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved state. ``author`` names who saved it (account, client), ``at`` is seconds since the epoch."""

    number: int
    at: float
    author: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SecretNote:
    """That a secret exists: never its value. ``backend`` names the vault that holds it."""

    name: str
    stored_at: float
    backend: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs. ``path`` names objects by their id: ``gateways.gw-1.port``. None: not there."""

    path: str
    before: Any
    after: Any


def _first(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE revision(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            author TEXT NOT NULL,
            note TEXT NOT NULL,
            document TEXT NOT NULL
        )"""
    )
    connection.execute(
        "CREATE TABLE secret(name TEXT PRIMARY KEY, stored_at REAL NOT NULL, backend TEXT NOT NULL) WITHOUT ROWID"
    )


CONFIGURATION = Schema(_LABEL, (Step("revisions and the secret index", _first),))


class ConfigurationStore:
    """Open it with ``ConfigurationStore.open``; end it with ``close``."""

    def __init__(self, database: Database, report: OpenReport, clock: Callable[[], float]) -> None:
        self.report = report
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._current, self._revision = self._load_current()
        self.secret_index = SecretIndex(self)

    @classmethod
    def open(cls, folder: DataFolder, clock: Callable[[], float] = time.time) -> ConfigurationStore:
        """Open or create. Raises NewerSchema, StoreError; InvalidInput when the stored state does not validate."""
        database, report = open_database(folder.configuration, CONFIGURATION, folder, clock, cache_kib=512)
        try:
            return cls(database, report, clock)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def current(self) -> Configuration:
        """The configuration in force; the defaults when none was ever saved."""
        return self._current

    @property
    def revision(self) -> int:
        """Number of the revision in force; 0 when none was ever saved."""
        return self._revision

    def save(self, configuration: Configuration, author: str, expected_revision: int | None, note: str = "") -> Revision:
        """Make ``configuration`` the one in force.

        ``expected_revision`` is the revision that the author started from: Conflict if another one is in force by now. None
        overwrites whatever is there.
        """
        document = configuration.model_dump_json()
        with self._saving:
            with self._transaction() as connection:
                if expected_revision is not None and expected_revision != self._revision:
                    raise self._conflict(connection, expected_revision)
                revision = self._insert(connection, document, author, note)
            self._current, self._revision = configuration, revision.number
        return revision

    def restore(self, number: int, author: str) -> Revision:
        """Bring an earlier revision back, as a new one. Raises NotFound, or InvalidInput if it is no longer valid."""
        return self.save(self.get(number), author, None, f"restored revision {number}")

    def get(self, number: int) -> Configuration:
        """An earlier state. Raises NotFound."""
        with self._reading() as connection:
            row = connection.execute("SELECT document FROM revision WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise NotFound(f"There is no revision {number}.", f"The last {KEPT_REVISIONS} are kept.")
        return _parse(row[0], number)

    def revisions(self, limit: int = 50, before: int | None = None) -> list[Revision]:
        """Newest first; ``before`` continues behind a number."""
        bound = (1 << 62) if before is None else before
        query = "SELECT number, at, author, note FROM revision WHERE number < ? ORDER BY number DESC LIMIT ?"
        with self._reading() as connection:
            return [Revision(*row) for row in connection.execute(query, (bound, limit))]

    def difference(self, before: int, after: int) -> list[Difference]:
        """What changed from one revision to another (0: the defaults), for people."""
        return difference(*(Configuration() if number == 0 else self.get(number) for number in (before, after)))

    def _insert(self, connection: sqlite3.Connection, document: str, author: str, note: str) -> Revision:
        at = self._clock()
        number = connection.execute(
            "INSERT INTO revision(at, author, note, document) VALUES (?, ?, ?, ?)", (at, author, note, document)
        ).lastrowid
        if number is None:
            raise StoreError("The configuration was not saved.", "SQLite gave the revision no number.")
        connection.execute("DELETE FROM revision WHERE number <= ?", (number - KEPT_REVISIONS,))
        return Revision(number, at, author, note)

    def _conflict(self, connection: sqlite3.Connection, expected: int) -> Conflict:
        row = connection.execute("SELECT author FROM revision WHERE number = ?", (self._revision,)).fetchone()
        author = row[0] if row else "somebody"
        return Conflict(
            "The configuration was changed meanwhile.",
            f"You started from revision {expected}; {author} saved revision {self._revision}.",
            "Load the current configuration and make your change again.",
        )

    def _load_current(self) -> tuple[Configuration, int]:
        with self._reading() as connection:
            row = connection.execute("SELECT number, document FROM revision ORDER BY number DESC LIMIT 1").fetchone()
        return (Configuration(), 0) if row is None else (_parse(row[1], row[0]), row[0])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database.connection()
            except sqlite3.Error as error:
                raise translated(error, _LABEL) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading(), self._database.transaction() as connection:
            yield connection


class SecretIndex:
    """Which secrets are stored, and where. Part of the configuration's file; see ``ConfigurationStore.secret_index``."""

    def __init__(self, store: ConfigurationStore) -> None:
        self._store = store

    def all(self) -> dict[str, SecretNote]:
        with self._store._reading() as connection:
            rows = connection.execute("SELECT name, stored_at, backend FROM secret ORDER BY name").fetchall()
        return {row[0]: SecretNote(*row) for row in rows}

    def get(self, name: str) -> SecretNote | None:
        with self._store._reading() as connection:
            row = connection.execute("SELECT name, stored_at, backend FROM secret WHERE name = ?", (name,)).fetchone()
        return None if row is None else SecretNote(*row)

    def put(self, name: str, backend: str) -> SecretNote:
        """Note that a secret was stored just now."""
        note = SecretNote(name, self._store._clock(), backend)
        with self._store._transaction() as connection:
            connection.execute(
                "INSERT INTO secret VALUES (?, ?, ?)"
                " ON CONFLICT(name) DO UPDATE SET stored_at = excluded.stored_at, backend = excluded.backend",
                (note.name, note.stored_at, note.backend),
            )
        return note

    def remove(self, name: str) -> bool:
        """Whether there was one."""
        with self._store._transaction() as connection:
            return connection.execute("DELETE FROM secret WHERE name = ?", (name,)).rowcount > 0


def difference(before: Configuration, after: Configuration) -> list[Difference]:
    """Leaf by leaf, in the order of the paths. Rows of lists are matched by id; only a changed order of them is a change."""
    left, right = (dict(_leaves("", c.model_dump(mode="json"))) for c in (before, after))
    return [
        Difference(path, left.get(path), right.get(path))
        for path in sorted(left.keys() | right.keys())
        if left.get(path) != right.get(path)
        and not (path.endswith(_ORDER) and _is_same_order(left.get(path, []), right.get(path, [])))
    ]


_ORDER = " (order)"


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    prefix = f"{path}." if path else ""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(f"{prefix}{key}", item)
    elif isinstance(value, list) and value and all(isinstance(item, dict) and "id" in item for item in value):
        yield path + _ORDER, [item["id"] for item in value]
        for item in value:
            yield from _leaves(f"{prefix}{item['id']}", item)
    elif value != []:
        yield path, value


def _is_same_order(before: list[str], after: list[str]) -> bool:
    """Whether the rows that are in both stand in the same order: adding and removing rows is told by their own leaves."""
    common = set(before) & set(after)
    return [i for i in before if i in common] == [i for i in after if i in common]


def _parse(document: str, number: int) -> Configuration:
    try:
        return parse_configuration(json.loads(document))
    except InvalidInput as error:
        raise InvalidInput(error.issues, f"Revision {number} of the configuration does not suit this version.") from error
    except ValueError as error:
        raise GatepostError(f"Revision {number} of the configuration cannot be read.", str(error)) from error
