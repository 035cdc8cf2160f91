"""The book of relays in its folder, with real processes that write to it, and the sealed vault beside it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatepost.model.errors import Conflict
from gatepost.model.secret import Secret
from gatepost.relays.book import RelayBook, validated
from gatepost.relays.lock import held

_ADDING = """
import asyncio, pathlib, sys, time
from gatepost.model.secret import Secret
from gatepost.relays.book import RelayBook, validated
name, begin = sys.argv[1], float(sys.argv[2])

async def add():
    for number in range(6):
        await RelayBook().add(validated(f"{name}{number}", "127.0.0.1", 8443, "0" * 64), Secret(f"token of {name}{number}"))

time.sleep(max(0.0, begin - time.time()))
asyncio.run(add())
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account without a keyring, so that tokens are sealed."""
    for name in ("DBUS_SESSION_BUS_ADDRESS", "PYTHON_KEYRING_BACKEND", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def programs(names: Sequence[str]) -> list[str]:
    """What programs that add relays at the same moment say to standard error."""
    begin = str(time.time() + 1.5)  # when all of them have loaded what they need
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _ADDING, name, begin], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        for name in names
    ]
    return [one.communicate(timeout=60)[1] for one in started]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these have a keyring that a test must not write to")
async def test_programs_that_add_relays_at_once_lose_neither_an_entry_nor_a_token(home: Path) -> None:
    names = ("a", "b", "c")
    assert await asyncio.to_thread(programs, names) == ["", "", ""]
    wanted = [f"{name}{number}" for name in names for number in range(6)]
    assert [one.name for one in RelayBook().all()] == wanted
    for name in wanted:
        place = await RelayBook().place(name)
        assert getattr(place, "token", None) == Secret(f"token of {name}")


async def test_who_waits_too_long_for_another_program_is_told_so_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    book = RelayBook(tmp_path / "relays", patience=0.0)
    known = validated("office", "127.0.0.1", 8443, "0" * 64)
    async with held(tmp_path / "relays"):
        with pytest.raises(Conflict, match="Another program"):
            await book.add(known, Secret("x"))
    assert book.all() == ()
    if sys.platform not in ("win32", "darwin"):
        await book.add(known, Secret("x"))
        assert book.all() == (known,)


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
async def test_what_is_written_is_for_this_account_alone(home: Path, tmp_path: Path) -> None:
    book = RelayBook(tmp_path / "relays")
    await book.add(validated("office", "127.0.0.1", 8443, "0" * 64), Secret("x"))
    assert json.loads((tmp_path / "relays/relays.json").read_text())[0]["name"] == "office"
    assert {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "relays").iterdir()} == dict.fromkeys(
        sorted(path.name for path in (tmp_path / "relays").iterdir()), 0
    )
