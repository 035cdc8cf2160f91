"""Which keyrings are trusted, and what their failures are called."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked, PasswordDeleteError, PasswordSetError

from gatepost.vault import VaultError, VaultLocked, VaultRefused, VaultUnavailable, ring
from gatepost.vault.ring import ALLOWED, RingBackend, allowed_ring, choose_ring

CANARY = "canary-c0ffee"


def make(module: str, name: str = "Keyring", **members: Any) -> type[KeyringBackend]:
    """A keyring class that claims to come from ``module``. Abstract classes stay out of the library's own registry."""

    class Fake(KeyringBackend):
        priority = 5.0

        def __init__(self) -> None:
            self.values: dict[str, str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.values.get(username)

        def set_password(self, service: str, username: str, password: str) -> None:
            self.values[username] = password

        def delete_password(self, service: str, username: str) -> None:
            if self.values.pop(username, None) is None:
                raise PasswordDeleteError("No such password!")

    KeyringBackend._classes.discard(Fake)
    Fake.__module__, Fake.__qualname__, Fake.__name__ = module, name, name
    for key, value in members.items():
        setattr(Fake, key, value)
    return Fake


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.mark.parametrize("module", sorted(ALLOWED))
def test_the_systems_own_keyrings_are_allowed(module: str) -> None:
    kept = make(module)()
    assert allowed_ring(kept) is kept


@pytest.mark.parametrize(
    "module",
    [
        "keyrings.alt.file",
        "keyring.backends.null",
        "keyring.backends.fail",
        "keyrings.cryptfile",
        "keyring.backends.SecretService.evil",
    ],
)
def test_everything_else_is_not(module: str) -> None:
    assert allowed_ring(make(module)()) is None


def test_the_chain_of_several_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, good = make("keyrings.alt.file")(), make("keyring.backends.kwallet")()

    class Chain:
        backends = (plain, good)

    Chain.__module__ = "keyring.backends.chainer"
    assert allowed_ring(Chain()) is good  # type: ignore[arg-type]
    Chain.backends = (plain,)  # type: ignore[assignment]
    assert allowed_ring(Chain()) is None  # type: ignore[arg-type]


def test_a_configured_plaintext_or_null_keyring_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with pytest.raises(VaultUnavailable, match=r"keyring\.backends\.null\.Keyring"):
        choose_ring()


def test_a_configured_keyring_that_does_not_exist_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "no.such.Keyring")
    with pytest.raises(VaultUnavailable, match="cannot be used"):
        choose_ring()


def test_the_best_usable_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    low, high = make("keyring.backends.libsecret", priority=4.8), make("keyring.backends.SecretService", priority=5.0)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    monkeypatch.setattr(ring, "_system_rings", lambda: [low, high])
    assert choose_ring().label == "Secret Service"


def test_without_a_usable_one_the_reasons_are_told_and_nothing_plain_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    installed = make("keyrings.alt.file", "PlaintextKeyring", priority=100.0)
    KeyringBackend._classes.add(installed)
    try:
        with pytest.raises(VaultUnavailable, match="Secret Service") as caught:
            choose_ring()
    finally:
        KeyringBackend._classes.discard(installed)
    assert "sealed vault" in caught.value.hint


class PromptDismissedException(Exception):
    """Stands for secretstorage's, which carries this name."""


class LockedException(Exception):
    pass


class KeychainDenied(Exception):
    pass


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (KeyringLocked("Failed to unlock the collection!"), VaultLocked),
        (LockedException("locked"), VaultLocked),
        (PromptDismissedException("Prompt dismissed."), VaultRefused),
        (caused(KeyringLocked("Can't get password from keychain"), KeychainDenied()), VaultRefused),
        (caused(InitError("Failed to create the collection"), PromptDismissedException()), VaultRefused),
        (PasswordSetError("Cancelled by user"), VaultRefused),
        (InitError("no daemon"), VaultUnavailable),
        (ConnectionError("bus gone"), VaultUnavailable),
        (RuntimeError("anything"), VaultUnavailable),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_failure_has_its_own_error_with_a_way_out(raised: Exception, expected: type[VaultError]) -> None:
    def fail(*_: object) -> None:
        raise raised

    backend = RingBackend(make("keyring.backends.SecretService", get_password=fail)())
    with pytest.raises(VaultError) as caught:
        backend.get_password("Gatepost", "a")
    assert type(caught.value) is expected
    assert "Secret Service" in caught.value.title
    assert caught.value.hint


def test_a_library_error_that_quotes_the_secret_does_not_carry_it_along(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def quoting(_: object, __: str, ___: str, password: str) -> None:
        raise PasswordSetError(f"cannot store {password}")

    backend = RingBackend(make("keyring.backends.kwallet", set_password=quoting)())
    with pytest.raises(VaultRefused) as caught:
        backend.set_password("Gatepost", "a", CANARY)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "cannot store ********" in caught.value.detail


def test_an_encoding_error_does_not_carry_the_secret_along() -> None:
    def encoding(_: object, __: str, ___: str, password: str) -> None:
        password.encode("ascii")

    backend = RingBackend(make("keyring.backends.Windows", set_password=encoding)())
    with pytest.raises(VaultError) as caught:
        backend.set_password("Gatepost", "a", CANARY + "ä")
    assert caught.value.__context__ is None
    assert CANARY not in str(caught.value)


def test_deleting_removes_every_item_of_that_name_and_none_is_fine() -> None:
    stored = make("keyring.backends.SecretService")()
    backend = RingBackend(stored)
    backend.delete_password("Gatepost", "a")
    copies = ["one", "two"]
    stored.get_password = lambda *_: copies[0] if copies else None  # type: ignore[method-assign]
    stored.delete_password = lambda *_: copies.pop(0)  # type: ignore[assignment,method-assign]
    backend.delete_password("Gatepost", "a")
    assert copies == []


def test_on_windows_long_tokens_are_cut_into_what_it_holds() -> None:
    stored = make("keyring.backends.Windows", "WinVaultKeyring")()
    backend = RingBackend(stored)
    backend.set_password("Gatepost", "a", "t" * 5000)
    assert backend.get_password("Gatepost", "a") == "t" * 5000
    assert max(len(value.encode("utf-16-le")) for value in stored.values.values()) <= 2560  # type: ignore[attr-defined]


def test_elsewhere_long_tokens_stay_whole() -> None:
    stored = make("keyring.backends.SecretService")()
    RingBackend(stored).set_password("Gatepost", "a", "t" * 5000)
    assert stored.values == {"a": "t" * 5000}  # type: ignore[attr-defined]
