"""Opening a SQLite file: how it is tuned, checked, migrated, and what happens to one that is damaged or too new.

peewee's ``SqliteDatabase`` owns the connection; hot paths run prepared SQL on ``Database.connection()``. A file's schema
is a list of frozen steps; the file says in ``user_version`` how many of them it has seen.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from peewee import SqliteDatabase

from .errors import NewerSchema, StoreDamaged, StoreError, is_damage, translated
from .folder import PRIVATE_FILE, DataFolder, flush_folder
from .setting_aside import finish, set_aside, suspect

log = logging.getLogger(__name__)

CHECK_AT_ONCE = 64 * 1024 * 1024
"""Files up to this size are checked while they are opened (about 0.3 s); larger ones by ``check_in_background``."""
_BUSY_SECONDS = 30
_CACHE_KIB = 4000
_WAL_PAGES = 4000
LOG_KEPT = 64 * 1024 * 1024
"""Octets of write-ahead log that stay on the disk; beyond them readers make room for beginning it anew."""
_PAUSE_SECONDS = 1.0
_INTERRUPTED = "an earlier start found it damaged"
_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a schema's history. Frozen once released: a later change is another step."""

    summary: str
    apply: Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Schema:
    """``label`` names the file to people (“spool”). A file that has seen every step has version ``len(steps)``."""

    label: str
    steps: Sequence[Step]

    @property
    def version(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class OpenReport:
    """What opening a file found and did, for the log and the overview."""

    created: bool = False
    migrated_from: int | None = None
    backup: Path | None = None
    set_aside: Path | None = None
    """The folder that now holds the damaged file; a new one was begun."""
    damage: str = ""
    check_pending: bool = False
    """The file was too large to check while opening; see ``check``."""


class Database:
    """One file's writing connection. Used by one thread at a time: whoever opened it, then the writer's.

    ``pause`` is for the threads that read.
    """

    def __init__(self, path: Path, *, synchronous: str = "FULL", cache_kib: int = _CACHE_KIB, page_size: int = 4096) -> None:
        self.path = path
        self._no_reading_before = 0.0
        pragmas: list[tuple[str, object]] = [
            ("page_size", page_size),
            ("journal_mode", "wal"),
            ("synchronous", synchronous),
            ("foreign_keys", 1),
            ("cache_size", -cache_kib),
            ("wal_autocheckpoint", _WAL_PAGES),
            ("journal_size_limit", LOG_KEPT),
            ("trusted_schema", 0),
            ("temp_store", "MEMORY"),
            # Debian's SQLite overwrites what is deleted with zeros: a message that came and went was written twice. This
            # clears deleted rows where the page is written anyway, and leaves freed pages as they are.
            ("secure_delete", "FAST"),
        ]
        if sys.platform == "darwin":
            pragmas += [("fullfsync", 1), ("checkpoint_fullfsync", 1)]
        self.peewee = SqliteDatabase(
            str(path), pragmas=pragmas, timeout=_BUSY_SECONDS, thread_safe=False, check_same_thread=False, cached_statements=256
        )

    def connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = self.peewee.connection()  # type: ignore[no-untyped-call]
        return connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done within, or nothing.

        SQLite ends a transaction itself after some errors of the disk. Rolling back what is not there any more would fail,
        with an error that hides the disk's; peewee's ``atomic`` does so.
        """
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def found_damaged(self) -> None:
        """Whoever uses it met damage: the next start checks the file, however large it is, and sets it aside."""
        try:
            suspect(self.path).touch(PRIVATE_FILE)
        except OSError as error:
            log.error("that %s is damaged cannot be noted: %s", self.path.name, error)

    def look_at_log(self) -> None:
        """Let readers pause if the write-ahead log has become too long: see ``pause``."""
        try:
            size = os.stat(f"{self.path}-wal").st_size
        except OSError:  # there is none, or whoever writes next will say what is wrong
            return
        if size > LOG_KEPT:
            self._no_reading_before = time.monotonic() + _PAUSE_SECONDS

    def pause(self) -> None:
        """To be called before a read that may take long.

        SQLite begins its log anew at a moment when nobody reads. Where searches of a large file overlap there is none, and
        the log would grow until the disk is full.
        """
        while (seconds := self._no_reading_before - time.monotonic()) > 0:
            time.sleep(seconds)

    def close(self) -> None:
        if not self.peewee.is_closed():
            self.peewee.close()


class ReadDatabase:
    """Read-only connections to a file, one for each thread that asks."""

    def __init__(self, path: Path, *, cache_kib: int = 2000) -> None:
        self.path = path
        self._opened: list[sqlite3.Connection] = []
        self.peewee = SqliteDatabase(
            f"{path.absolute().as_uri()}?mode=ro",
            pragmas=[("query_only", 1), ("cache_size", -cache_kib), ("trusted_schema", 0)],
            timeout=_BUSY_SECONDS,
            uri=True,
            check_same_thread=False,  # so that close_all can
            cached_statements=64,
        )

    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        fresh = self.peewee.is_closed()
        connection: sqlite3.Connection = self.peewee.connection()  # type: ignore[no-untyped-call]
        if fresh:
            self._opened.append(connection)
        return connection

    def close_all(self) -> None:
        """Close every thread's connection, when none of them reads any more."""
        while self._opened:
            self._opened.pop().close()


def open_database(
    path: Path,
    schema: Schema,
    folder: DataFolder,
    clock: Callable[[], float],
    *,
    synchronous: str = "FULL",
    cache_kib: int = _CACHE_KIB,
    also_set_aside: Sequence[Path] = (),
) -> tuple[Database, OpenReport]:
    """Open ``path``, creating or migrating it as needed.

    A damaged file goes to ``damaged/<time>/`` with its companions and ``also_set_aside`` (whatever only makes sense
    beside it), and a new one is begun; nothing is deleted. Raises NewerSchema for a file from a later version, StoreError
    when the disk does not let us.
    """
    damage, aside = _INTERRUPTED, finish(path, folder, also_set_aside)
    for _ in range(2):
        database = Database(path, synchronous=synchronous, cache_kib=cache_kib)
        try:
            report = _settle(database, schema, folder, clock)
        except BaseException as error:
            _close_quietly(database)
            if not (is_damage(error) or isinstance(error, StoreDamaged)) or aside is not None:
                if isinstance(error, Exception):
                    raise translated(error, f"{schema.label} file") from error
                raise
            damage = error.detail if isinstance(error, StoreDamaged) else str(error)
            aside = set_aside(path, folder, clock, also_set_aside)
            log.error("the %s file was damaged (%s); it is kept in %s and a new one begun", schema.label, damage, aside)
        else:
            if aside is not None:
                return database, OpenReport(created=True, set_aside=aside, damage=damage)
            return database, report
    raise AssertionError("unreachable: the second attempt returns or raises")


def check(path: Path) -> str:
    """Check a file's consistency on a connection of its own. Empty when sound, else what SQLite found.

    Reads the whole file. What it finds is remembered, so that the next start checks at once and sets the file aside.
    """
    reader = ReadDatabase(path)
    try:
        damage = _quick_check(reader.connection())
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise translated(error, path.name) from error
        damage = str(error)
    finally:
        reader.close_all()
    if damage:
        suspect(path).touch(PRIVATE_FILE)
    return damage


def _settle(database: Database, schema: Schema, folder: DataFolder, clock: Callable[[], float]) -> OpenReport:
    path = database.path
    size = _prepare_file(path)
    connection = database.connection()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > schema.version:
        raise NewerSchema(
            f"The {schema.label} file was written by a later version of Gatepost.",
            f"{path} has schema {version}; this version knows {schema.version}.",
            "Install that version again, or name another data folder. The file was not changed.",
        )
    check_pending = size > CHECK_AT_ONCE and not suspect(path).exists()
    if size and not check_pending and (damage := _quick_check(connection)):
        raise StoreDamaged(f"The {schema.label} file is damaged.", damage)
    if not check_pending:
        suspect(path).unlink(missing_ok=True)  # it is sound
    if version == 0:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StoreError(
                f"The {schema.label} file is not Gatepost's.", f"{path} holds tables but no schema version.", "Move it away."
            )
        _migrate(database, schema, 0)
        return OpenReport(created=True)
    if version == schema.version:
        return OpenReport(check_pending=check_pending)
    backup = _back_up(connection, folder.new_backup(path.stem, version, clock), schema.label)
    _migrate(database, schema, version)
    return OpenReport(migrated_from=version, backup=backup, check_pending=check_pending)


def _prepare_file(path: Path) -> int:
    """The file's size; it exists afterwards, private to its owner. Raises StoreDamaged for what SQLite did not write."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        found = os.fstat(descriptor)
        if os.name != "nt" and found.st_mode & 0o077:
            os.fchmod(descriptor, PRIVATE_FILE)
        # Before SQLite sees it: closing a connection to such a file would remove the log beside it.
        if found.st_size and os.read(descriptor, len(_MAGIC)) != _MAGIC:
            raise StoreDamaged(f"{path} is damaged.", "file is not a database")
        return found.st_size
    finally:
        os.close(descriptor)


def _quick_check(connection: sqlite3.Connection) -> str:
    rows = [row[0] for row in connection.execute("PRAGMA quick_check(10)")]
    return "" if rows == ["ok"] else "; ".join(rows)


def _migrate(database: Database, schema: Schema, version: int) -> None:
    # Rebuilding a table with foreign keys on would delete its children; this context turns them off outside the transaction.
    from playhouse.migrate import SqliteMigrator

    connection = database.connection()
    for number, step in enumerate(schema.steps[version:], start=version + 1):
        with SqliteMigrator(database.peewee).migration_context():
            step.apply(connection)
            orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
            if orphans:
                raise StoreError(
                    f"The {schema.label} file cannot be brought up to date.",
                    f"step {number} ({step.summary}) would leave {len(orphans)} rows without their parent",
                    "The file was not changed; a copy lies in the backups folder.",
                )
            connection.execute(f"PRAGMA user_version = {number}")
        if version:
            log.info("%s file: schema %d (%s)", schema.label, number, step.summary)


def _back_up(connection: sqlite3.Connection, target: Path, label: str) -> Path:
    connection.execute("VACUUM INTO ?", (str(target),))
    descriptor = os.open(target, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    flush_folder(target.parent)
    log.info("%s file: backed up to %s", label, target)
    return target


def _close_quietly(database: Database) -> None:
    with contextlib.suppress(sqlite3.Error):  # the error that led here is the one to report
        database.close()
