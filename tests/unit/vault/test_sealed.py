"""The sealed vault: a real file, real encryption, and what happens to those who meddle."""

from __future__ import annotations

import base64
import json
import os
import stat
import traceback
from pathlib import Path

import pytest

from gatepost.vault.errors import VaultDamaged, VaultRefused, VaultUnavailable
from gatepost.vault.key import KeySource, create_key_file, find_key
from gatepost.vault.sealed import SealedBackend, rotate_key

CANARY = "canary-41d0b"


@pytest.fixture
def source(tmp_path: Path) -> KeySource:
    return create_key_file(tmp_path / "keys" / "vault.key")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault.sealed"


@pytest.fixture
def sealed(path: Path, source: KeySource) -> SealedBackend:
    return SealedBackend(path, source)


def change(path: Path, edit: object) -> None:
    content = json.loads(path.read_text())
    edit(content)  # type: ignore[operator]
    path.write_text(json.dumps(content))


def flipped(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[0] ^= 1
    return base64.b64encode(bytes(raw)).decode()


def test_it_keeps_and_forgets(sealed: SealedBackend, path: Path, source: KeySource) -> None:
    assert sealed.get_password("Gatepost", "a") is None
    sealed.set_password("Gatepost", "a", "päß wörd 😀")
    sealed.set_password("Gatepost", "b", "two")
    again = SealedBackend(path, source)
    assert again.get_password("Gatepost", "a") == "päß wörd 😀"
    again.delete_password("Gatepost", "a")
    again.delete_password("Gatepost", "a")
    assert sealed.get_password("Gatepost", "a") is None
    assert sealed.get_password("Gatepost", "b") == "two"


def test_the_file_holds_no_secret_and_is_private(sealed: SealedBackend, path: Path) -> None:
    sealed.set_password("Gatepost", "a", CANARY)
    assert CANARY.encode() not in path.read_bytes()
    assert base64.b64encode(CANARY.encode())[:-4] not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_is_private_whatever_the_umask(sealed: SealedBackend, path: Path) -> None:
    before = os.umask(0)
    try:
        sealed.set_password("Gatepost", "a", CANARY)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_secret_is_sealed_differently_each_time(sealed: SealedBackend, path: Path) -> None:
    seen = set()
    for name in ("a", "a", "b"):
        sealed.set_password("Gatepost", name, "same")
        entry = json.loads(path.read_text())["entries"][f"Gatepost/{name}"]
        seen.add((entry["nonce"], entry["sealed"]))
    assert len({nonce for nonce, _ in seen}) == 3
    assert len({text for _, text in seen}) == 3


def test_an_entry_cannot_be_read_under_another_name(sealed: SealedBackend, path: Path) -> None:
    sealed.set_password("Gatepost", "cheap", "one")
    sealed.set_password("Gatepost", "dear", "two")

    def swap(content: dict) -> None:  # type: ignore[type-arg]
        entries = content["entries"]
        entries["Gatepost/cheap"], entries["Gatepost/dear"] = entries["Gatepost/dear"], entries["Gatepost/cheap"]

    change(path, swap)
    with pytest.raises(VaultDamaged, match="Gatepost/cheap"):
        sealed.get_password("Gatepost", "cheap")


def test_a_wrong_key_is_told_from_damage(sealed: SealedBackend, path: Path, tmp_path: Path) -> None:
    sealed.set_password("Gatepost", "a", CANARY)
    other = SealedBackend(path, create_key_file(tmp_path / "other.key"))
    for call in (lambda: other.get_password("Gatepost", "a"), lambda: other.set_password("Gatepost", "b", "x"), other.check):
        with pytest.raises(VaultDamaged, match="another key"):
            call()
    assert sealed.get_password("Gatepost", "a") == CANARY


@pytest.mark.parametrize("part", ["nonce", "sealed"])
def test_a_damaged_entry_is_named_and_the_others_still_open(sealed: SealedBackend, path: Path, part: str) -> None:
    sealed.set_password("Gatepost", "a", CANARY)
    sealed.set_password("Gatepost", "b", "fine")
    change(
        path, lambda content: content["entries"]["Gatepost/a"].update({part: flipped(content["entries"]["Gatepost/a"][part])})
    )
    with pytest.raises(VaultDamaged, match="Gatepost/a") as caught:
        sealed.get_password("Gatepost", "a")
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert sealed.get_password("Gatepost", "b") == "fine"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 40,
        b"[]",
        b"{}",
        b'{"format":"gatepost-sealed-vault","version":1}',
        b'{"format":"gatepost-sealed-vault","vers',
        b'{"format":"gatepost-sealed-vault","version":Infinity}',
        b'{"format":"gatepost-sealed-vault","version":"1","salt":"","entries":{},"check":{}}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_vault_is_damaged_in_words_and_left_alone(sealed: SealedBackend, path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    with pytest.raises(VaultDamaged, match="not a whole sealed vault"):
        sealed.set_password("Gatepost", "a", "x")
    assert path.read_bytes() == raw


@pytest.mark.parametrize(
    "entry", ["text", 5, None, [], {}, {"nonce": "AA"}, {"nonce": "!", "sealed": "!"}, {"nonce": "", "sealed": ""}]
)
def test_entries_of_the_wrong_shape_are_damage_not_a_traceback(sealed: SealedBackend, path: Path, entry: object) -> None:
    sealed.set_password("Gatepost", "a", "x")
    change(path, lambda content: content["entries"].update({"Gatepost/a": entry}))
    if entry is None:
        assert sealed.get_password("Gatepost", "a") is None
    else:
        with pytest.raises(VaultDamaged):
            sealed.get_password("Gatepost", "a")


def test_a_vault_from_a_newer_version_is_refused_in_words(sealed: SealedBackend, path: Path) -> None:
    sealed.set_password("Gatepost", "a", "x")
    change(path, lambda content: content.update(version=2))
    with pytest.raises(VaultUnavailable, match="newer Gatepost"):
        sealed.get_password("Gatepost", "a")


def test_a_link_in_the_vaults_place_is_refused(sealed: SealedBackend, path: Path, tmp_path: Path) -> None:
    sealed.set_password("Gatepost", "a", "x")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultUnavailable, match="symbolic link"):
        sealed.get_password("Gatepost", "a")


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_vault_and_no_rubbish(
    sealed: SealedBackend, path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed.set_password("Gatepost", "a", "old")
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if where == "fsync" else (Path, "replace")), fail)
    with pytest.raises(VaultUnavailable, match="No space left") as caught:
        sealed.set_password("Gatepost", "a", CANARY)
    monkeypatch.undo()
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["keys", "vault.sealed"]


def test_content_and_folder_are_flushed_before_it_returns(
    sealed: SealedBackend, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = []
    plain = os.fsync

    def noting(descriptor: int) -> None:
        flushed.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        plain(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    sealed.set_password("Gatepost", "a", "x")
    assert flushed[0] == "file"
    assert flushed[-1] == "folder"


def test_rotation_makes_the_old_key_useless_and_keeps_every_secret(
    sealed: SealedBackend, path: Path, source: KeySource, tmp_path: Path
) -> None:
    for number in range(5):
        sealed.set_password("Gatepost", f"n{number}", f"secret {number}")
    new = create_key_file(tmp_path / "new.key")
    assert rotate_key(path, source, new) == 5
    renewed = SealedBackend(path, new)
    assert [renewed.get_password("Gatepost", f"n{number}") for number in range(5)] == [f"secret {n}" for n in range(5)]
    with pytest.raises(VaultDamaged):
        sealed.get_password("Gatepost", "n0")


def test_a_renewed_key_takes_the_old_ones_place_and_opens_everything(
    sealed: SealedBackend, path: Path, source: KeySource
) -> None:
    old = source.path.read_bytes()
    sealed.set_password("Gatepost", "a", CANARY)
    (source.path.with_name("vault.key.new")).write_text("left by an attempt that came to nothing")
    assert sealed.renew_key() == 1
    assert source.path.read_bytes() != old
    assert stat.S_IMODE(source.path.stat().st_mode) == 0o600
    assert SealedBackend(path, source).get_password("Gatepost", "a") == CANARY
    assert [file.name for file in source.path.parent.iterdir()] == ["vault.key"]


@pytest.mark.parametrize("read_first", [True, False], ids=["reading", "writing"])
def test_a_renewal_that_was_killed_half_way_is_completed_by_the_next_use(
    sealed: SealedBackend, path: Path, source: KeySource, read_first: bool
) -> None:
    sealed.set_password("Gatepost", "a", CANARY)
    waiting = create_key_file(source.path.with_name("vault.key.new"))
    rotate_key(path, source, waiting)  # killed here: the vault is sealed with a key that is not in its place yet
    again = SealedBackend(path, source)
    if not read_first:
        again.set_password("Gatepost", "b", "x")
    assert again.get_password("Gatepost", "a") == CANARY
    assert not waiting.path.exists()
    again.check()


def test_a_renewal_that_fails_leaves_key_and_vault_as_they_were(sealed: SealedBackend, path: Path, source: KeySource) -> None:
    sealed.set_password("Gatepost", "a", CANARY)
    change(path, lambda content: content["entries"].update(other={"nonce": "AAAAAAAAAAAAAAAA", "sealed": "AAAA"}))
    before = path.read_bytes(), source.path.read_bytes()
    with pytest.raises(VaultDamaged):
        sealed.renew_key()
    assert (path.read_bytes(), source.path.read_bytes()) == before
    assert [file.name for file in source.path.parent.iterdir()] == ["vault.key"]


def test_a_key_of_systemd_is_not_renewed(path: Path, source: KeySource) -> None:
    sealed = SealedBackend(path, KeySource(source.path, is_credential=True))
    with pytest.raises(VaultRefused, match="not Gatepost's"):
        sealed.renew_key()


def test_rotation_with_a_damaged_entry_changes_nothing(
    sealed: SealedBackend, path: Path, source: KeySource, tmp_path: Path
) -> None:
    sealed.set_password("Gatepost", "a", "x")
    change(path, lambda content: content["entries"]["Gatepost/a"].update(nonce="AAAAAAAAAAAAAAAA"))
    before = path.read_bytes()
    with pytest.raises(VaultDamaged):
        rotate_key(path, source, create_key_file(tmp_path / "new.key"))
    assert path.read_bytes() == before


def test_rotating_no_vault_is_nothing(path: Path, source: KeySource) -> None:
    assert rotate_key(path, source, source) == 0
    assert not path.exists()


class TestKeyFile:
    def test_a_new_key_is_private_random_and_never_overwrites(self, tmp_path: Path) -> None:
        one, two = create_key_file(tmp_path / "one"), create_key_file(tmp_path / "two")
        assert stat.S_IMODE(one.path.stat().st_mode) == 0o600
        assert one.read() != two.read()
        assert len(base64.b64decode(one.read())) == 32
        before = one.path.read_bytes()
        with pytest.raises(VaultUnavailable, match="already a key file"):
            create_key_file(one.path)
        assert one.path.read_bytes() == before

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o700])
    def test_a_key_that_others_may_read_is_refused(self, source: KeySource, mode: int) -> None:
        source.path.chmod(mode)
        with pytest.raises(VaultUnavailable, match=f"mode {mode:04o}") as caught:
            source.read()
        assert "chmod 600" in caught.value.hint

    @pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
    def test_a_key_of_another_owner_is_refused(self, source: KeySource) -> None:
        os.chown(source.path, 65534, -1)
        with pytest.raises(VaultUnavailable, match="belongs to user 65534"):
            source.read()

    def test_another_owner_is_seen_by_the_effective_user(self, source: KeySource, monkeypatch: pytest.MonkeyPatch) -> None:
        owner = source.path.stat().st_uid
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
        with pytest.raises(VaultUnavailable, match=f"belongs to user {owner}, not to this account"):
            source.read()

    def test_a_link_is_refused_even_to_a_good_key(self, source: KeySource, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(source.path)
        found = find_key(link)
        assert found is not None
        with pytest.raises(VaultUnavailable, match="symbolic link"):
            found.read()

    def test_a_folder_or_a_pipe_is_refused_without_hanging(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe, 0o600)
        folder = tmp_path / "folder"
        folder.mkdir()
        for path in (pipe, folder):
            with pytest.raises(VaultUnavailable, match="not a regular file"):
                KeySource(path).read()

    @pytest.mark.parametrize(
        ("content", "words"), [(b"short\n", "fewer than 32"), (b"x" * 4097, "longer than"), (b"", "fewer")]
    )
    def test_a_key_of_the_wrong_size_is_refused(self, source: KeySource, content: bytes, words: str) -> None:
        source.path.write_bytes(content)
        with pytest.raises(VaultUnavailable, match=words):
            source.read()

    def test_a_missing_key_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(VaultUnavailable, match="No such file"):
            KeySource(tmp_path / "none").read()

    def test_a_line_end_more_or_less_is_the_same_key_but_raw_octets_stay(self, source: KeySource) -> None:
        text = source.path.read_bytes()
        key = source.read()
        source.path.write_bytes(text.rstrip() + b"\r\n")
        assert source.read() == key
        raw = b"\n" * 32
        source.path.write_bytes(raw)
        assert source.read() == raw


class TestCredential:
    @pytest.fixture
    def credential(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "credentials"
        folder.mkdir()
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
        path = folder / "gatepost-vault-key"
        path.write_bytes(b"k" * 32)
        path.chmod(0o440)
        return path

    def test_it_comes_before_the_key_file(self, credential: Path, source: KeySource) -> None:
        found = find_key(source.path)
        assert found == KeySource(credential, is_credential=True)
        assert found.read() == b"k" * 32

    def test_another_unit_s_credentials_folder_leaves_the_key_file(self, credential: Path, source: KeySource) -> None:
        credential.unlink()
        assert find_key(source.path) == source

    def test_one_that_everybody_may_read_is_refused(self, credential: Path) -> None:
        credential.chmod(0o444)
        found = find_key(None)
        assert found is not None
        with pytest.raises(VaultUnavailable, match="everybody may read it"):
            found.read()

    def test_without_any_key_there_is_none(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
        assert find_key(None) is None
        assert find_key(tmp_path / "none") is None
