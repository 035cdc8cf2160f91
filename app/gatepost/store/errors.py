"""What can go wrong with the disk, in words; and the one place where SQLite's errors become ours."""

from __future__ import annotations

import errno
import sqlite3

from ..model.errors import GatepostError, Unavailable


class StoreError(Unavailable):
    """The data folder cannot be read or written now. Nothing of the failed operation was kept."""

    code = "store"


class SpoolFull(StoreError):
    """No room on the disk. Everything already accepted is safe; new writes succeed again once there is room."""

    code = "store-full"


class StoreDamaged(StoreError):
    """SQLite found that the file's content is not consistent."""

    code = "store-damaged"


class NewerSchema(GatepostError):
    """The file was written by a later version of Gatepost and is left untouched."""

    code = "newer-schema"


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code behind an error, 0 if it has none."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def original(error: BaseException) -> BaseException:
    """The sqlite3 error behind one of peewee's, which carry no result code; other errors as they are."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, sqlite3.Error | OSError):
        seen = seen.__cause__ or seen.__context__
    return seen or error


def is_damage(error: BaseException) -> bool:
    source = original(error)
    return isinstance(source, sqlite3.Error) and primary_code(source) in _DAMAGED


def translated(error: BaseException, what: str) -> BaseException:
    """A disk's or SQLite's error as a StoreError that names ``what`` was written or read; others as they are."""
    if isinstance(error, GatepostError):
        return error
    if type(error).__module__ == "peewee":
        error = original(error)
    if isinstance(error, OSError):
        if error.errno in _FULL:
            return _full(what, error.strerror or str(error))
        return StoreError(f"The {what} cannot be used.", error.strerror or str(error), "Check the disk and its permissions.")
    if not isinstance(error, sqlite3.Error):
        return error
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return _full(what, str(error))
    if code in _DAMAGED:
        return StoreDamaged(
            f"The {what} is damaged.", str(error), "Restart Gatepost: it sets the file aside and begins a new one."
        )
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(f"The {what} cannot be used.", str(error), "Check the disk and its permissions.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(f"The {what} is locked.", str(error), "See which other program has the file open.")
    return error


def _full(what: str, detail: str) -> SpoolFull:
    return SpoolFull(f"There is no room for the {what}.", detail, "Make room on the disk; Gatepost goes on by itself.")
