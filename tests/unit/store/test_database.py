"""Opening a file: checked, migrated with a backup, set aside when damaged, refused when too new."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gatepost.store.database import Schema, Step, check, open_database
from gatepost.store.errors import NewerSchema, StoreError
from gatepost.store.folder import DataFolder

from .spool_support import Clock


def create(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute("CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id) ON DELETE CASCADE)")


def rebuild_parent(connection: sqlite3.Connection) -> None:
    """The usual way to change a column: new table, copy, drop, rename."""
    connection.execute("CREATE TABLE parent_new(id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL DEFAULT '')")
    connection.execute("INSERT INTO parent_new(id, name) SELECT id, name FROM parent")
    connection.execute("DROP TABLE parent")
    connection.execute("ALTER TABLE parent_new RENAME TO parent")


def lose_parents(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM parent")


ONE = Schema("sample", (Step("tables", create),))
TWO = Schema("sample", (*ONE.steps, Step("names are required", rebuild_parent)))


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
def old_file(folder: DataFolder) -> Path:
    """A file of schema 1 with a parent and two children."""
    path = folder.path / "sample.sqlite"
    database, _ = open_database(path, ONE, folder, Clock())
    database.connection().execute("INSERT INTO parent VALUES (1, 'Ada')")
    database.connection().execute("INSERT INTO child VALUES (1, 1), (2, 1)")
    database.close()
    return path


def test_a_new_file_gets_every_step_and_no_backup(folder: DataFolder) -> None:
    database, report = open_database(folder.path / "sample.sqlite", TWO, folder, Clock())

    assert report.created
    assert database.connection().execute("PRAGMA user_version").fetchone() == (2,)
    assert not list(folder.backups.iterdir())
    database.close()


def test_the_connection_keeps_the_promise_of_durability(folder: DataFolder) -> None:
    database, _ = open_database(folder.path / "sample.sqlite", ONE, folder, Clock())
    read = {
        name: database.connection().execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "cache_size")
    }
    database.close()

    assert read == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "cache_size": -4000}


def test_an_old_file_is_backed_up_then_migrated_without_losing_children(folder: DataFolder, old_file: Path) -> None:
    database, report = open_database(old_file, TWO, folder, Clock())
    children = database.connection().execute("SELECT count(*) FROM child").fetchone()
    parents = database.connection().execute("SELECT name, note FROM parent").fetchall()
    enforced = database.connection().execute("PRAGMA foreign_keys").fetchone()
    database.close()

    assert (report.migrated_from, children, parents, enforced) == (1, (2,), [("Ada", "")], (1,))
    assert report.backup is not None
    with sqlite3.connect(report.backup) as backup:
        assert backup.execute("PRAGMA user_version").fetchone() == (1,)
        assert backup.execute("SELECT count(*) FROM child").fetchone() == (2,)
    backup.close()
    assert report.backup.stat().st_mode & 0o077 == 0


def test_a_step_that_would_orphan_rows_changes_nothing(folder: DataFolder, old_file: Path) -> None:
    bad = Schema("sample", (*ONE.steps, Step("loses parents", lose_parents)))

    with pytest.raises(StoreError, match="cannot be brought up to date"):
        open_database(old_file, bad, folder, Clock())

    database, _ = open_database(old_file, ONE, folder, Clock())
    assert database.connection().execute("SELECT count(*) FROM parent").fetchone() == (1,)
    database.close()


def test_a_file_from_a_later_version_is_refused_in_words_and_left_alone(folder: DataFolder, old_file: Path) -> None:
    open_database(old_file, TWO, folder, Clock())[0].close()
    before = old_file.read_bytes()

    with pytest.raises(NewerSchema, match="later version") as refused:
        open_database(old_file, ONE, folder, Clock())

    assert "schema 2" in refused.value.detail
    assert old_file.read_bytes() == before
    assert not list(folder.damaged.iterdir())


def test_somebody_elses_database_is_refused(folder: DataFolder) -> None:
    path = folder.path / "sample.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE photos(id)")
    other.close()

    with pytest.raises(StoreError, match="not Gatepost's"):
        open_database(path, ONE, folder, Clock())


@pytest.mark.parametrize("place", [0, 4096], ids=["header", "page"])
def test_a_damaged_file_is_set_aside_whole_and_a_new_one_begun(folder: DataFolder, old_file: Path, place: int) -> None:
    content = bytearray(old_file.read_bytes())
    content[place : place + 2048] = b"\xa5" * 2048
    old_file.write_bytes(content)
    companion = folder.path / "beside"
    companion.mkdir()
    (companion / "file").write_text("kept")

    database, report = open_database(old_file, ONE, folder, Clock(), also_set_aside=(companion,))

    assert report.set_aside is not None
    assert report.damage
    assert report.created
    assert (report.set_aside / "sample.sqlite").read_bytes() == bytes(content)
    assert (report.set_aside / "beside" / "file").read_text() == "kept"
    assert list(companion.iterdir()) == []
    assert database.connection().execute("SELECT count(*) FROM parent").fetchone() == (0,)
    database.close()


def test_the_log_of_a_damaged_file_goes_with_it(folder: DataFolder, old_file: Path) -> None:
    old_file.write_bytes(b"x" * 8192)
    wal = old_file.with_name("sample.sqlite-wal")
    wal.write_bytes(b"y" * 100)

    database, report = open_database(old_file, ONE, folder, Clock())
    database.close()

    assert report.set_aside is not None
    assert (report.set_aside / wal.name).read_bytes() == b"y" * 100


class Killed(BaseException):
    """Nothing more is done by this process."""


@pytest.mark.parametrize("renames", range(4))
def test_a_start_that_is_killed_while_it_sets_a_damaged_file_aside_loses_nothing(
    folder: DataFolder, old_file: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    old_file.write_bytes(b"x" * 8192)
    wal = old_file.with_name("sample.sqlite-wal")
    wal.write_bytes(b"y" * 100)
    companion = folder.path / "beside"
    companion.mkdir()
    (companion / "file").write_text("kept")
    real, done = Path.rename, 0

    def rename(self: Path, target: Path) -> Path:
        nonlocal done
        if done == renames:
            raise Killed
        done += 1
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    try:
        open_database(old_file, ONE, folder, Clock(), also_set_aside=(companion,))[0].close()
    except Killed:
        pass
    else:
        assert done == renames == 3
    monkeypatch.undo()

    companion.mkdir(exist_ok=True)  # as every start does
    if renames < 3:
        database, report = open_database(old_file, ONE, folder, Clock(), also_set_aside=(companion,))
        assert (report.created, bool(report.damage)) == (True, True)
        assert report.set_aside is not None
        assert database.connection().execute("SELECT count(*) FROM parent").fetchone() == (0,)
        database.close()
    (aside,) = folder.damaged.iterdir()
    assert {path.name for path in aside.iterdir()} == {"sample.sqlite", "sample.sqlite-wal", "beside"}
    assert (aside / "sample.sqlite").read_bytes() == b"x" * 8192
    assert (aside / wal.name).read_bytes() == b"y" * 100
    assert (aside / "beside" / "file").read_text() == "kept"
    database, report = open_database(old_file, ONE, folder, Clock(), also_set_aside=(companion,))
    assert (report.created, report.set_aside) == (False, None)
    database.close()


def test_damage_found_in_the_background_is_acted_upon_at_the_next_start(
    folder: DataFolder, old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.store.database.CHECK_AT_ONCE", 0)  # every file counts as large
    content = bytearray(old_file.read_bytes())
    content[4096:6144] = b"\xa5" * 2048
    old_file.write_bytes(content)

    database, report = open_database(old_file, ONE, folder, Clock())
    assert report.check_pending
    database.close()
    assert check(old_file)

    database, report = open_database(old_file, ONE, folder, Clock())
    assert report.set_aside is not None
    database.close()
    database, report = open_database(old_file, ONE, folder, Clock())
    assert report.set_aside is None
    database.close()


def test_a_sound_file_checks_as_sound(folder: DataFolder, old_file: Path) -> None:
    assert check(old_file) == ""
