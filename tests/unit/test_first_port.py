"""The port of a relay that nobody has configured yet."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gatepost.model.relay_options import RelayOptions
from gatepost.relay.defaults import first_configuration, free_port
from gatepost.relay.reception import ListenerStatus
from gatepost.relay.service import RelayService
from gatepost.store.folder import DataFolder

from ..support.ports import free_port as any_free_port


@pytest.fixture(autouse=True)
def kept_umask() -> Iterator[None]:
    """A data folder sets it for its whole process, which is the tests' here."""
    mask = os.umask(0o022)
    os.umask(mask)
    yield
    os.umask(mask)


@pytest.fixture(autouse=True)
def ports_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relays of other tests choose among the usual ones at the same time."""
    monkeypatch.setattr("gatepost.relay.defaults.DEFAULT_PORT", any_free_port())


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Somebody else listens there, as another relay does."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


async def opened(folder: Path) -> RelayService:
    (folder / "key").parent.mkdir(parents=True, exist_ok=True)
    options = RelayOptions(data_folder=folder / "data", vault="sealed", vault_key_file=folder / "key", create_vault_key=True)
    return await RelayService.open(DataFolder(options.data_folder), options)


@pytest.mark.parametrize("lost", [1, 2])
async def test_whoever_finds_the_port_it_chose_taken_at_its_first_start_takes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """``lost`` times another relay that starts at the same moment was quicker to listen on what both had chosen."""
    service = await opened(tmp_path)
    try:
        (chosen,) = service.configuration.listeners
        with ExitStack() as others:
            others.enter_context(taken(chosen.port))
            left = [lost - 1]

            def raced() -> int:
                port = free_port()
                if left[0]:
                    left[0] -= 1
                    others.enter_context(taken(port))
                return port

            monkeypatch.setattr("gatepost.relay.first_port.free_port", raced)
            await service.start()
            (listener,) = service.reception.listeners()
            assert listener.state is ListenerStatus.LISTENING
            assert listener.port != chosen.port
            assert [one.port for one in service.store.current().listeners] == [listener.port]
            assert service.store.current().listeners[0].id == chosen.id
    finally:
        await service.close()


async def test_a_port_that_a_person_may_have_set_up_is_never_changed(tmp_path: Path) -> None:
    first = await opened(tmp_path)
    await first.close()
    service = await opened(tmp_path)
    try:
        (chosen,) = service.configuration.listeners
        with taken(chosen.port):
            await service.start()
            (listener,) = service.reception.listeners()
            assert (listener.state, listener.port) == (ListenerStatus.FAILED, chosen.port)
            assert service.store.current() == first_configuration(chosen.port)
    finally:
        await service.close()
