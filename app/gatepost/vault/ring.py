"""The system's keyring, through the keyring library, behind an allow-list.

The library takes whatever back end is installed with the highest priority; with ``keyrings.alt`` that is a file in plain
text, and the null back end accepts everything and keeps nothing. So only the back ends of the systems themselves are
used. A choice that somebody configured (``PYTHON_KEYRING_BACKEND``, ``keyringrc.cfg``) is honoured if it is one of them, and
refused in words otherwise; plug-ins are not even imported.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .backend import VaultKind
from .errors import VaultError, VaultLocked, VaultRefused, VaultUnavailable
from .parts import SplittingRing

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

log = logging.getLogger(__name__)

T = TypeVar("T")

ALLOWED = {
    "keyring.backends.SecretService": ("Secret Service", ("Keyring",)),
    "keyring.backends.libsecret": ("Secret Service (libsecret)", ("Keyring",)),
    "keyring.backends.kwallet": ("KWallet", ("DBusKeyring",)),
    "keyring.backends.Windows": ("Windows Credential Manager", ("WinVaultKeyring",)),
    "keyring.backends.macOS": ("macOS Keychain", ("Keyring",)),
}
"""By module: what people call it, and the classes in it."""

_CHAINER = "keyring.backends.chainer"
_WINDOWS = "keyring.backends.Windows"

WINDOWS_LIMIT = 2400
"""Octets; the system's own limit is 2,560."""

_DUPLICATES = 16
"""A keyring may hold several items under one name; delete removes the first one each time."""

_WHAT_TO_DO = (
    "On a desktop, start or install a keyring (GNOME Keyring, KWallet). For a service account, use a sealed vault: "
    "name a key file, or hand a key over as the systemd credential gatepost-vault-key."
)


def choose_ring() -> RingBackend:
    """The usable allowed keyring of the highest priority. Raises VaultUnavailable. May take a while: it asks the D-Bus."""
    problem: VaultUnavailable
    if not _may_have_one():
        raise VaultUnavailable("This account has no usable keyring.", "There is no session bus to reach one by.", _WHAT_TO_DO)
    try:
        return RingBackend(_configured() or _best(_system_rings()))
    except VaultUnavailable as error:
        problem = error
    except Exception as error:
        log.info("the keyring library failed: %s", type(error).__name__)
        problem = VaultUnavailable("The keyring cannot be used.", _words(error), _WHAT_TO_DO)
    raise problem


def _may_have_one() -> bool:
    """Whether looking is worth loading the library (several megabytes): keyrings of Linux live on the session bus."""
    if (
        sys.platform in ("win32", "darwin")
        or "PYTHON_KEYRING_BACKEND" in os.environ
        or "DBUS_SESSION_BUS_ADDRESS" in os.environ
    ):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return runtime is not None and Path(runtime, "bus").exists()


def allowed_ring(ring: KeyringBackend) -> KeyringBackend | None:
    """``ring`` if it may hold secrets; for keyring's chain of several, the first of them that may; else None."""
    module = type(ring).__module__
    if module == _CHAINER:
        chained: Iterable[KeyringBackend] = getattr(ring, "backends", ())
        return next((inner for inner in chained if type(inner).__module__ in ALLOWED), None)
    return ring if module in ALLOWED else None


def _configured() -> KeyringBackend | None:
    from keyring.core import load_config, load_env

    ring = load_env() or load_config()
    if ring is None:
        return None
    allowed = allowed_ring(ring)
    if allowed is None:
        named = f"{type(ring).__module__}.{type(ring).__name__}"
        raise VaultUnavailable(
            "The configured keyring is not one that Gatepost trusts.",
            f"{named} is set in PYTHON_KEYRING_BACKEND or keyringrc.cfg; it does not protect what it holds, or is unknown.",
            "Remove that setting to use the system's keyring, or use a sealed vault.",
        )
    return allowed


def _system_rings() -> list[type[KeyringBackend]]:
    found: list[type[KeyringBackend]] = []
    for module, (_, classes) in ALLOWED.items():
        try:
            loaded = importlib.import_module(module)
        except Exception as error:  # a back end of another system, or one with a broken binding
            log.debug("no %s: %s", module, type(error).__name__)
            continue
        found.extend(getattr(loaded, name) for name in classes if hasattr(loaded, name))
    return found


def _best(classes: Iterable[type[KeyringBackend]]) -> KeyringBackend:
    usable: list[tuple[float, type[KeyringBackend]]] = []
    reasons: list[str] = []
    for kind in classes:
        try:
            usable.append((float(kind.priority), kind))
        except Exception as error:  # keyring's way to say “not here”: any exception, with the reason
            reasons.append(f"{ALLOWED[kind.__module__][0]}: {_words(error)}")
    if not usable:
        raise VaultUnavailable("This account has no usable keyring.", "; ".join(reasons), _WHAT_TO_DO)
    return max(usable, key=lambda entry: entry[0])[1]()


class RingBackend:
    """One keyring of the library, with its exceptions put into Gatepost's words."""

    kind = VaultKind.KEYRING

    def __init__(self, ring: KeyringBackend) -> None:
        self._plain = ring
        self._module = type(ring).__module__
        self._ring = SplittingRing(ring, WINDOWS_LIMIT) if self._module == _WINDOWS else ring

    @property
    def label(self) -> str:
        return ALLOWED[self._module][0] if self._module in ALLOWED else type(self._plain).__name__

    def check(self) -> None:
        if self._module == "keyring.backends.SecretService":
            self._call(_check_secret_service)

    def get_password(self, service: str, account: str) -> str | None:
        return self._call(lambda: self._ring.get_password(service, account))

    def set_password(self, service: str, account: str, password: str) -> None:
        self._call(lambda: self._ring.set_password(service, account, password), hide=password)

    def delete_password(self, service: str, account: str) -> None:
        def delete() -> None:
            for _ in range(_DUPLICATES):
                if self._ring.get_password(service, account) is None:
                    return
                self._ring.delete_password(service, account)
            raise VaultRefused(
                "The password was not deleted.", f"{self.label} still gives it back.", "Delete it in the password manager."
            )

        self._call(delete)

    def _call(self, call: Callable[[], T], hide: str = "") -> T:
        try:
            return call()
        except VaultError:
            raise
        except Exception as error:
            problem = self._translated(error, hide)
            log.warning("%s: %s (%s)", self.label, problem.title, type(error).__name__)
        raise problem  # outside the handler: the library's exception may hold the secret and must not travel along

    def _translated(self, error: Exception, hide: str) -> VaultError:
        import keyring.errors

        words = _words(error, hide)
        names = {kind.__name__ for kind in type(error).__mro__}
        cause = type(error.__cause__).__name__
        if "PromptDismissedException" in names or "KeychainDenied" in (cause, type(error).__name__) or "Cancelled" in words:
            return VaultRefused(
                f"{self.label} refused the access.", words, "Allow Gatepost in the password manager's window and try again."
            )
        if isinstance(error, keyring.errors.KeyringLocked) or "LockedException" in names:
            return VaultLocked(f"{self.label} is locked.", words, "Unlock it and try again.")
        if cause == "PromptDismissedException":
            return VaultRefused(
                f"{self.label} has no keyring yet, and making one was refused.", words, "Try again and allow it."
            )
        if isinstance(error, keyring.errors.PasswordSetError | keyring.errors.PasswordDeleteError):
            return VaultRefused(f"{self.label} refused the change.", words, "Check the password manager and try again.")
        return VaultUnavailable(f"{self.label} cannot be used now.", words, _WHAT_TO_DO)


def _check_secret_service() -> None:
    """Whether the default collection is there and open, without making or unlocking one (that would ask the person)."""
    from contextlib import closing

    import secretstorage

    with closing(secretstorage.dbus_init()) as connection:
        try:
            collection = secretstorage.Collection(connection)
        except secretstorage.exceptions.ItemNotFoundException:
            return  # none yet: it is made with the first password
        if collection.is_locked():
            raise VaultLocked("Secret Service is locked.", "", "Unlock the keyring (log in to the desktop) and try again.")


def _words(error: Exception, hide: str = "") -> str:
    """The library's own words, on one line, without the secret."""
    if isinstance(error, UnicodeError):
        return "the password manager cannot hold these characters"
    words = " ".join(str(_plain(error)).split())
    if hide:
        words = words.replace(hide, "********")
    return words[:300] or type(error).__name__


def _plain(error: Exception) -> Any:
    return getattr(error, "strerror", None) or error
