"""Tokens of remote administration where the disk does not help."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gatepost.relay.common.events import EventBus
from gatepost.relay.remote_desk import RemoteDesk
from gatepost.store.errors import StoreError
from gatepost.store.folder import DataFolder

NOW = 1_800_000_000.0


@pytest.fixture
def desk(tmp_path: Path) -> RemoteDesk:
    folder = DataFolder(tmp_path / "data")
    folder.path.mkdir(exist_ok=True)
    service = SimpleNamespace(folder=folder, clock=lambda: NOW, events=EventBus(lambda: NOW))
    return RemoteDesk(cast(Any, service), lambda: 0.0)


async def test_a_right_token_is_let_in_where_its_use_cannot_be_noted(desk: RemoteDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    made, secret = await desk.make_token("laptop", "ann")

    def save(_: Any) -> None:
        raise StoreError("The tokens cannot be kept.", "No space left on device")

    monkeypatch.setattr(desk._file, "save", save)
    found = await desk.identify(secret.reveal(), "192.0.2.1")
    assert found is not None
    assert found.id == made.id


async def test_a_token_that_is_revoked_while_its_use_is_noted_opens_nothing(
    desk: RemoteDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, secret = await desk.make_token("laptop", "ann")
    note = desk._note_use

    async def note_meanwhile(*arguments: Any) -> None:
        await desk.revoke_token(made.id, "ann")
        await note(*arguments)

    monkeypatch.setattr(desk, "_note_use", note_meanwhile)
    assert await desk.identify(secret.reveal(), "192.0.2.1") is None
