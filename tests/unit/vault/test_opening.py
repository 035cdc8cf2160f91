"""Which vault a data folder gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gatepost.model.secret import Secret
from gatepost.vault import VaultDamaged, VaultKind, VaultUnavailable, open_vault, opening
from gatepost.vault.key import create_key_file

from .memory import MemoryBackend


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return create_key_file(tmp_path / "vault.key").path


@pytest.fixture(autouse=True)
def no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise VaultUnavailable("This account has no usable keyring.", "no bus", "Start a keyring, or use a sealed vault.")

    monkeypatch.setattr(opening, "choose_ring", fail)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> MemoryBackend:
    backend = MemoryBackend()
    monkeypatch.setattr(opening, "choose_ring", lambda: backend)
    return backend


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def overwrite(key_file: Path) -> None:
    key_file.write_bytes(b"y" * 44)


def move(folder: Path) -> Path:
    return folder.rename(folder.with_name("moved"))


async def test_auto_takes_a_usable_keyring_before_a_key_file(folder: Path, key_file: Path, keyring: MemoryBackend) -> None:
    vault = open_vault("auto", data_folder=folder, key_file=key_file)
    await vault.set("a", Secret("x"))
    assert len(keyring.values) == 1
    await vault.close()


@pytest.mark.usefixtures("no_keyring")
async def test_auto_without_a_keyring_seals_when_a_key_is_given(folder: Path, key_file: Path) -> None:
    vault = open_vault("auto", data_folder=folder, key_file=key_file)
    await vault.set("a", Secret("x"))
    state = await vault.describe()
    assert (state.kind, state.usable) == (VaultKind.SEALED, True)
    assert (folder / "vault.sealed").exists()
    await vault.close()


async def test_a_sealed_vault_in_use_stays_in_use_when_a_keyring_appears(
    folder: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_vault("sealed", data_folder=folder, key_file=key_file)
    await first.set("a", Secret("x"))
    await first.close()
    monkeypatch.setattr(opening, "choose_ring", MemoryBackend)
    again = open_vault("auto", data_folder=folder, key_file=key_file)
    assert await again.get("a") == Secret("x")
    await again.close()


@pytest.mark.usefixtures("no_keyring")
async def test_auto_with_nothing_says_what_to_do_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    vault = open_vault("auto", data_folder=folder, key_file=tmp_path / "no.key")
    for call in (vault.get("a"), vault.set("a", Secret("x")), vault.delete("a")):
        with pytest.raises(VaultUnavailable) as caught:
            await call
        assert "sealed vault" in caught.value.hint
    state = await vault.describe()
    assert not state.usable
    assert "sealed vault" in state.hint
    assert names(folder) == []
    await vault.close()


@pytest.mark.usefixtures("no_keyring")
async def test_keyring_asked_for_never_falls_back_to_the_file(folder: Path, key_file: Path) -> None:
    vault = open_vault("keyring", data_folder=folder, key_file=key_file)
    with pytest.raises(VaultUnavailable):
        await vault.set("a", Secret("x"))
    assert not (folder / "vault.sealed").exists()
    await vault.close()


async def test_sealed_asked_for_never_asks_the_keyring(folder: Path, keyring: MemoryBackend, tmp_path: Path) -> None:
    vault = open_vault("sealed", data_folder=folder, key_file=tmp_path / "no.key")
    with pytest.raises(VaultUnavailable, match=r"no\.key"):
        await vault.set("a", Secret("x"))
    assert keyring.values == {}
    create_key_file(tmp_path / "no.key")
    await vault.set("a", Secret("x"))
    assert keyring.values == {}
    await vault.close()


async def test_a_key_in_a_bad_state_is_an_error_not_another_vault(
    folder: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_vault("sealed", data_folder=folder, key_file=key_file)
    await first.set("a", Secret("x"))
    await first.close()
    monkeypatch.setattr(opening, "choose_ring", MemoryBackend)
    overwrite(key_file)
    vault = open_vault("auto", data_folder=folder, key_file=key_file)
    with pytest.raises(VaultDamaged, match="another key"):
        await vault.get("a")
    assert "another key" in (await vault.describe()).problem
    await vault.close()


async def test_two_data_folders_do_not_see_each_others_secrets(folder: Path, tmp_path: Path, keyring: MemoryBackend) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    one, other = open_vault(data_folder=folder), open_vault(data_folder=other_folder)
    await one.set("gateway/gw-1/password", Secret("one"))
    assert await other.get("gateway/gw-1/password") is None
    await other.set("gateway/gw-1/password", Secret("other"))
    again = open_vault(data_folder=folder)
    assert await again.get("gateway/gw-1/password") == Secret("one")
    for vault in (one, other, again):
        await vault.close()


async def test_a_folder_that_moved_keeps_its_secrets(folder: Path, keyring: MemoryBackend) -> None:
    vault = open_vault(data_folder=folder)
    await vault.set("a", Secret("x"))
    await vault.close()
    moved = move(folder)
    again = open_vault(data_folder=moved)
    assert await again.get("a") == Secret("x")
    await again.close()


async def test_a_damaged_instance_id_is_said_not_replaced(folder: Path, keyring: MemoryBackend) -> None:
    (folder / "instance-id").write_text("rubbish")
    vault = open_vault(data_folder=folder)
    with pytest.raises(VaultUnavailable, match="instance id"):
        await vault.get("a")
    assert (folder / "instance-id").read_text() == "rubbish"
    await vault.close()


def test_importing_the_package_loads_neither_keyring_nor_cryptography() -> None:
    code = "import sys, gatepost.vault; print([m for m in ('keyring', 'cryptography', 'secretstorage') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="app")
    assert found.stdout.strip() == "[]"
