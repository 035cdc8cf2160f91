"""Files as earlier versions wrote them, kept as SQL: every later version must open them with all they hold.

A new step in a schema gets its stored predecessor here before it is written.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gatepost.store.bodies import BodyFile
from gatepost.store.captured_values import CapturedFilter
from gatepost.store.configuration import CONFIGURATION, ConfigurationStore
from gatepost.store.database import Schema
from gatepost.store.figures import FIGURES, Figures
from gatepost.store.folder import DataFolder
from gatepost.store.quarantine_values import QuarantineFilter, QuarantineOrder
from gatepost.store.spool import Spool
from gatepost.store.spool_schema import SPOOL
from gatepost.store.values import SpoolFilter

from .spool_support import NOW, Clock

SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def write(stored: str, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript((SCHEMAS / stored).read_text())
    connection.close()


def structure(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    found = [
        " ".join(row[0].split()) for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql > '' ORDER BY name")
    ]
    connection.close()
    return found


@pytest.mark.parametrize("version", range(1, SPOOL.version + 1))
async def test_a_spool_of_any_version_opens_with_its_mail(folder: DataFolder, version: int) -> None:
    write(f"spool_{version}.sql", folder.spool)
    spool = Spool.open(folder, clock=Clock())

    (deferred,) = await spool.fetch_due("pool", NOW + 300, 10)
    assert [r.address for r in deferred.recipients] == ["bob@example.org", "eve@example.org"]
    assert (deferred.attempts, deferred.subject, deferred.envelope.sender) == (1, "One", "alice@example.com")
    assert await spool.load_content(deferred.message_id) == b"Subject: One\r\n\r\nHello\r\n"
    (quarantined,) = await spool.quarantine_list(QuarantineFilter(), QuarantineOrder.AGE, descending=False, offset=0, limit=10)
    assert (quarantined.subject, quarantined.sender, quarantined.recipients) == (
        "Two",
        "alice@example.com",
        ("bob@example.org",),
    )
    assert quarantined.reason.startswith("spam ")
    assert spool.counts().quarantined == 1
    assert await spool.release(SpoolFilter(subject="two")) == 1
    assert spool.counts().quarantined == 0
    contents = [await spool.load_content(row.message_id) for row in await spool.list()]
    assert not any(isinstance(content, BodyFile) for content in contents)
    assert (spool.counts().deferred, spool.counts().waiting) == (1, 1)
    assert spool.allocate_id() > 1000
    captured = await spool.captured.list(CapturedFilter())
    assert [(row.id, row.subject, row.recipients) for row in captured] == (
        [(1, "Three", ("bob@example.org", "eve@example.org"))] if version >= 3 else []
    )
    assert (spool.report.backup is not None) == (version < SPOOL.version)
    await spool.aclose()


@pytest.mark.parametrize("version", range(1, CONFIGURATION.version + 1))
def test_a_configuration_of_any_version_opens_with_its_history(folder: DataFolder, version: int) -> None:
    write(f"configuration_{version}.sql", folder.configuration)
    store = ConfigurationStore.open(folder, Clock())

    assert [g.id for g in store.current().gateways] == ["gw-1"]
    assert [(r.number, r.author) for r in store.revisions()] == [(1, "ada")]
    assert store.secret_index.all()["gateway/gw-1"].backend == "keyring"
    store.close()


@pytest.mark.parametrize("version", range(1, FIGURES.version + 1))
def test_figures_of_any_version_open_with_their_history(folder: DataFolder, version: int) -> None:
    write(f"figures_{version}.sql", folder.path / "figures.sqlite")
    figures = Figures.open(folder, Clock())

    assert figures.sums(0) == {100: {"delivered": 3}}
    figures.close()


@pytest.mark.parametrize(("schema", "name"), [(SPOOL, "spool"), (CONFIGURATION, "configuration"), (FIGURES, "figures")])
def test_released_steps_are_frozen(folder: DataFolder, schema: Schema, name: str) -> None:
    """What the steps build today is what the stored file of the same version looks like."""
    stored, built = folder.path / "stored.sqlite", folder.path / "built.sqlite"
    write(f"{name}_{schema.version}.sql", stored)
    connection = sqlite3.connect(built, isolation_level=None)
    for step in schema.steps:
        step.apply(connection)
    connection.close()
    assert structure(built) == structure(stored)
