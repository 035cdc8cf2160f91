"""The sealed vault's key: where it comes from, and whether it is kept well enough to be used.

A systemd credential (``LoadCredential=gatepost-vault-key`` or its encrypted form) comes first, then a key file that the
administrator named. A key that others could read, or that a link leads to, is refused.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .errors import VaultUnavailable
from .files import create_durably, read_whole

CREDENTIAL = "gatepost-vault-key"
KEY_OCTETS = 32
_MAX_KEY_FILE = 4096
MAKE_A_KEY = "Make a key with: umask 077; openssl rand -base64 32 > FILE"


@dataclass(frozen=True, slots=True)
class KeySource:
    """``path`` is read at each use, so that a key never stays in memory longer than needed."""

    path: Path
    is_credential: bool = False
    label: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", f"systemd credential {CREDENTIAL}" if self.is_credential else f"key file {self.path}")

    def read(self) -> bytes:
        """The key material, at least 32 octets. Raises VaultUnavailable with what is wrong with the file."""
        return _read(self)


def find_key(key_file: Path | None) -> KeySource | None:
    """The key to use, or None when none is given. A key file counts as given when something stands at its path."""
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(folder) / CREDENTIAL
        if os.path.lexists(credential):
            return KeySource(credential, is_credential=True)
    if key_file is not None and os.path.lexists(key_file):
        return KeySource(key_file)
    return None


def create_key_file(path: Path) -> KeySource:
    """A new random key at ``path``, mode 0600, flushed to disk. Never overwrites. Raises VaultUnavailable."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    problem: VaultUnavailable
    try:
        create_durably(path, base64.b64encode(secrets.token_bytes(KEY_OCTETS)) + b"\n")
        return KeySource(path)
    except FileExistsError:
        problem = VaultUnavailable(
            "There is already a key file.", f"{path} exists.", "Use it, or name another file: a lost key cannot be replaced."
        )
    except OSError as error:
        problem = VaultUnavailable("The key file cannot be written.", f"{path}: {error.strerror}.", "Name another file.")
    raise problem


def _read(source: KeySource) -> bytes:
    path = source.path
    try:
        content = read_whole(path, _MAX_KEY_FILE, lambda found: _check(path, found, source.is_credential))
    except OSError as error:
        if path.is_symlink():
            raise _refused(path, "it is a symbolic link", "Name the file itself.") from None
        raise VaultUnavailable(
            "The vault's key cannot be read.",
            f"{path}: {error.strerror}.",
            "Check that the file exists and belongs to this account.",
        ) from None
    if len(content) > _MAX_KEY_FILE:
        raise _refused(path, f"it is longer than {_MAX_KEY_FILE} octets", MAKE_A_KEY)
    # Exactly 32 octets are a raw key; anything else is text, whose line end does not count.
    key = content if len(content) == KEY_OCTETS else content.rstrip(b"\r\n")
    if len(key) < KEY_OCTETS:
        raise _refused(path, f"it holds fewer than {KEY_OCTETS} octets", MAKE_A_KEY)
    return key


def _check(path: Path, found: os.stat_result, is_credential: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "it is not a regular file", "Name the file itself.")
    if sys.platform == "win32":
        return
    mode = stat.S_IMODE(found.st_mode)
    if is_credential:
        # systemd owns it and may let the service in by an ACL, which shows as a group's right.
        if mode & 0o007:
            raise _refused(path, f"everybody may read it (mode {mode:04o})", "Check the unit's LoadCredential= line.")
        return
    if found.st_uid != os.geteuid():
        raise _refused(
            path, f"it belongs to user {found.st_uid}, not to this account ({os.geteuid()})", f"chown {os.geteuid()} {path}"
        )
    if mode & 0o177:
        raise _refused(path, f"others may read or change it (mode {mode:04o})", f"chmod 600 {path}")


def _refused(path: Path, why: str, hint: str) -> VaultUnavailable:
    return VaultUnavailable("The vault's key file is refused.", f"{path}: {why}.", hint)
