"""Which vault a data folder uses, and how its secrets are told from another folder's."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from .backend import Backend, VaultKind
from .errors import VaultUnavailable
from .files import create_durably
from .key import CREDENTIAL, MAKE_A_KEY, find_key
from .ring import choose_ring
from .sealed import FILE_NAME, SealedBackend
from .vault import Vault, WaitingListener

log = logging.getLogger(__name__)

INSTANCE_FILE = "instance-id"
_INSTANCE = re.compile(r"[0-9a-f]{16}\Z")


def open_vault(
    kind: VaultKind | str = VaultKind.AUTO,
    *,
    data_folder: Path,
    key_file: Path | None = None,
    on_waiting: WaitingListener | None = None,
) -> Vault:
    """The vault of a data folder. Cheap and never fails: the choice is made at the first call, off the loop.

    ``keyring``: the account's own keyring, by the allow-list. ``sealed``: the file in the data folder, its key from the
    systemd credential or ``key_file``. ``auto``: a sealed vault that already exists and whose key is given goes on being
    used (its passwords must not vanish because a desktop appeared); else a usable keyring; else a new sealed vault if a
    key is given; else every call raises VaultUnavailable with what to do.
    """
    chosen = VaultKind(kind)
    choices: dict[VaultKind, Callable[[], Backend]] = {
        VaultKind.KEYRING: choose_ring,
        VaultKind.SEALED: lambda: _sealed(data_folder, key_file),
        VaultKind.AUTO: lambda: _automatic(data_folder, key_file),
    }
    return Vault(choices[chosen], lambda: instance_id(data_folder), on_waiting=on_waiting)


def _automatic(data_folder: Path, key_file: Path | None) -> Backend:
    has_key = find_key(key_file) is not None
    if has_key and (data_folder / FILE_NAME).exists():
        return _sealed(data_folder, key_file)
    try:
        return choose_ring()
    except VaultUnavailable as error:
        if not has_key:
            raise
        log.info("no keyring, using the sealed vault: %s", error.detail or error.title)
    return _sealed(data_folder, key_file)


def _sealed(data_folder: Path, key_file: Path | None) -> SealedBackend:
    source = find_key(key_file)
    if source is None:
        looked = f"neither the systemd credential {CREDENTIAL} nor {key_file} exists" if key_file else "no key was given"
        raise VaultUnavailable(
            "The sealed vault has no key.",
            f"{looked[0].upper()}{looked[1:]}.",
            f"{MAKE_A_KEY} and name that file, or add LoadCredential={CREDENTIAL}:… to the service's unit.",
        )
    return SealedBackend(data_folder / FILE_NAME, source)


def instance_id(data_folder: Path) -> str:
    """The random name of this data folder, made at first use and kept in it: it stays the same when the folder moves."""
    path = data_folder / INSTANCE_FILE
    try:
        return _read_instance(path)
    except FileNotFoundError:
        pass
    try:
        create_durably(path, secrets.token_hex(8).encode("ascii") + b"\n")
    except FileExistsError:
        pass  # another call was faster
    except OSError as error:
        raise VaultUnavailable(
            "The data folder cannot be written.", f"{path}: {error.strerror}.", "Check its owner and rights."
        ) from None
    return _read_instance(path)


def _read_instance(path: Path) -> str:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if not _INSTANCE.match(text):
        raise VaultUnavailable(
            "The data folder's instance id is damaged.",
            f"{path} should hold 16 hexadecimal digits.",
            "Bring it back from a backup; without it the passwords of this folder cannot be told from another's.",
        )
    return text
