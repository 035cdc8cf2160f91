"""The configuration's history: revisions, conflicts, restoring, comparing, and a kill while saving."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.model.configuration import Configuration
from gatepost.model.errors import Conflict, InvalidInput, NotFound
from gatepost.model.gateway import RoundRobinGateway
from gatepost.model.settings import ServerSettings, Settings
from gatepost.store.configuration import KEPT_REVISIONS, ConfigurationStore, Difference, difference
from gatepost.store.folder import DataFolder

from .spool_support import NOW, Clock


def gateway(number: int, **fields: object) -> RoundRobinGateway:
    return RoundRobinGateway.model_validate({"id": f"gw-{number}", "host": f"smtp{number}.example.com", **fields})


def with_gateways(*gateways: RoundRobinGateway) -> Configuration:
    return Configuration(gateways=gateways)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
def store(folder: DataFolder) -> Iterator[ConfigurationStore]:
    store = ConfigurationStore.open(folder, Clock())
    yield store
    store.close()


def test_a_new_store_holds_the_defaults(store: ConfigurationStore) -> None:
    assert (store.current(), store.revision, store.revisions()) == (Configuration(), 0, [])


def test_what_was_saved_is_there_after_reopening(store: ConfigurationStore, folder: DataFolder) -> None:
    saved = with_gateways(gateway(1), gateway(2))
    revision = store.save(saved, "ada", 0, "first gateways")
    assert store.current() == saved

    again = ConfigurationStore.open(folder, Clock())
    assert (again.current(), again.revision) == (saved, revision.number)
    assert [(r.number, r.at, r.author, r.note) for r in again.revisions()] == [(1, NOW, "ada", "first gateways")]
    again.close()


def test_an_editor_who_started_from_an_older_state_is_told_and_changes_nothing(store: ConfigurationStore) -> None:
    store.save(with_gateways(gateway(1)), "ada", 0)
    with pytest.raises(Conflict, match="ada saved revision 1"):
        store.save(with_gateways(gateway(2)), "bob", 0)

    assert store.current() == with_gateways(gateway(1))
    assert len(store.revisions()) == 1
    store.save(with_gateways(gateway(2)), "bob", None)
    assert store.revision == 2


def test_restoring_makes_a_new_revision_of_an_old_state(store: ConfigurationStore) -> None:
    store.save(with_gateways(gateway(1)), "ada", 0)
    store.save(with_gateways(gateway(2)), "ada", 1)
    revision = store.restore(1, "bob")

    assert (revision.number, revision.author, revision.note) == (3, "bob", "restored revision 1")
    assert store.current() == with_gateways(gateway(1))
    with pytest.raises(NotFound):
        store.restore(77, "bob")


def test_the_history_is_read_page_by_page_and_bounded(store: ConfigurationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.store.configuration.KEPT_REVISIONS", 6)
    assert KEPT_REVISIONS > 100
    for number in range(10):
        store.save(with_gateways(gateway(number)), "ada", number)

    assert [r.number for r in store.revisions(limit=3)] == [10, 9, 8]
    assert [r.number for r in store.revisions(limit=9, before=8)] == [7, 6, 5]


def test_differences_are_told_by_path_with_rows_named_by_id(store: ConfigurationStore) -> None:
    store.save(with_gateways(gateway(1), gateway(2)), "ada", 0)
    changed = with_gateways(gateway(2), gateway(1, port=2525)).model_copy(
        update={"settings": Settings(server=ServerSettings(host_name="mx.example.com"))}
    )
    store.save(changed, "ada", 1)

    assert store.difference(1, 2) == [
        Difference("gateways (order)", ["gw-1", "gw-2"], ["gw-2", "gw-1"]),
        Difference("gateways.gw-1.port", gateway(1).port, 2525),
        Difference("settings.server.host_name", None, "mx.example.com"),
    ]
    assert Difference("gateways.gw-1.host", None, "smtp1.example.com") in store.difference(0, 1)


def test_a_row_that_is_added_is_no_change_of_order() -> None:
    found = difference(with_gateways(gateway(1)), with_gateways(gateway(2), gateway(1)))
    assert {entry.path.split(".")[1] for entry in found if "." in entry.path} == {"gw-2"}
    assert not [entry for entry in found if "order" in entry.path]


def test_the_secret_index_holds_names_and_places_only(store: ConfigurationStore, folder: DataFolder) -> None:
    store.secret_index.put("gateway/gw-1", "keyring")
    store.secret_index.put("gateway/gw-1", "sealed")
    store.secret_index.put("other", "sealed")

    assert store.secret_index.remove("other")
    assert not store.secret_index.remove("other")
    assert store.secret_index.get("other") is None
    again = ConfigurationStore.open(folder, Clock())
    note = again.secret_index.all()["gateway/gw-1"]
    again.close()
    assert (note.stored_at, note.backend) == (NOW, "sealed")
    columns = sqlite3.connect(folder.configuration).execute("SELECT name FROM pragma_table_info('secret')").fetchall()
    assert columns == [("name",), ("stored_at",), ("backend",)]


def test_a_stored_state_that_no_longer_validates_is_said_in_words(store: ConfigurationStore, folder: DataFolder) -> None:
    store.save(with_gateways(gateway(1)), "ada", 0)
    with sqlite3.connect(folder.configuration) as other:
        other.execute("UPDATE revision SET document = json_set(document, '$.gateways[0].port', 0)")
    other.close()

    with pytest.raises(InvalidInput, match="Revision 1 of the configuration does not suit"):
        ConfigurationStore.open(folder, Clock())


def test_a_kill_while_saving_leaves_the_old_state_or_the_new_one(folder: DataFolder) -> None:
    script = textwrap.dedent(
        """
        import sys
        from gatepost.model.configuration import Configuration, parse_configuration
        from gatepost.store.configuration import ConfigurationStore
        from gatepost.store.folder import DataFolder

        store = ConfigurationStore.open(DataFolder(sys.argv[1]))
        number = store.revision
        while True:
            number += 1
            row = {"mode": "round-robin", "host": "a.example", "description": f"r{number}"}
            rows = [{**row, "id": f"gw-{i}"} for i in range(200)]
            store.save(parse_configuration({"gateways": rows}), "test", number - 1)
            print(number, flush=True)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "app")}
    for delay in (0.0, 0.003, 0.011):
        with subprocess.Popen(
            [sys.executable, "-c", script, str(folder.path)], stdout=subprocess.PIPE, text=True, env=environment
        ) as saver:
            assert saver.stdout is not None
            first = saver.stdout.readline()
            time.sleep(delay)
            saver.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            acknowledged = [first, *saver.stdout.readlines()]
        told = int([line for line in acknowledged if line.endswith("\n")][-1])

        store = ConfigurationStore.open(folder, Clock())
        assert store.revision in (told, told + 1)
        assert {g.description for g in store.current().gateways} == {f"r{store.revision}"}
        assert len(store.current().gateways) == 200
        store.close()
