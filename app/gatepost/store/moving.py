"""What a data folder holds, in figures: for comparing a copy with what it was made from."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from .errors import StoreDamaged

Figures = dict[str, dict[str, int]]
"""Rows by database file and table."""


def figures(folder: Path, *, check: bool = False) -> Figures:
    """Of every database below ``folder``. No relay may have them open. ``check``: the whole of each is checked as well, which
    takes about a second for each gigabyte. Blocking. Raises StoreDamaged."""
    found: Figures = {}
    for path in sorted(folder.glob("*.sqlite")):
        try:
            with closing(sqlite3.connect(path)) as connection:
                if check and (words := connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                    raise StoreDamaged("A copy is damaged.", f"{path.name}: {words}")
                tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
                # The names are the schema's own.
                found[path.name] = {
                    name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
                    for (name,) in tables
                    if not name.startswith("sqlite_")
                }
        except sqlite3.DatabaseError as error:
            raise StoreDamaged("A database cannot be read.", f"{path}: {error}") from error
    return found


def holds_something(folder: Path) -> bool:
    """Whether somebody configured this folder, or mail is in it; not so for one that a relay has only just begun."""
    found = figures(folder)
    configured = found.get("configuration.sqlite", {}).get("revision", 0) > 1
    return configured or bool(found.get("spool.sqlite", {}).get("message", 0))
