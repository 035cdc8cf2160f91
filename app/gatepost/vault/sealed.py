"""A sealed vault: one file in which each secret is encrypted and authenticated by itself.

Each entry is sealed by AES-256-GCM under a fresh random 96-bit nonce, with the entry's name as associated data: an entry
cannot be read under another's name. The file's key is derived (HKDF-SHA256, RFC 5869)
from the key material and the file's own random salt, so that two files never share a key. A constant sealed beside the
entries tells a wrong key from a damaged entry.

The file is replaced as a whole: written beside, flushed, renamed, directory flushed. It stands for a keyring back end but
does not enter keyring's discovery, so that no other program's choice of keyring can lead there.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .backend import VaultKind
from .errors import VaultDamaged, VaultError, VaultRefused, VaultUnavailable
from .files import flush_folder, read_whole, replace_durably
from .key import KeySource, create_key_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE_NAME = "vault.sealed"
FORMAT = "gatepost-sealed-vault"
VERSION = 1

_MAX_FILE = 16 * 1024 * 1024
_NONCE = 12
_CHECK_NAME = "\x00check"
_CHECK_VALUE = b"gatepost"


class SealedBackend:
    """The file at ``path`` under the key of ``source``. Reads both at each call: nothing is kept in memory."""

    kind = VaultKind.SEALED

    def __init__(self, path: Path, source: KeySource) -> None:
        self._path = path
        self._source = source

    @property
    def label(self) -> str:
        return f"sealed vault ({self._source.label})"

    def check(self) -> None:
        if (content := _load(self._path)) is None:
            self._source.read()
        else:
            self._opened(content)

    def get_password(self, service: str, account: str) -> str | None:
        if (content := _load(self._path)) is None:
            return None
        cipher = self._opened(content)
        name = _entry_name(service, account)
        entry = content["entries"].get(name)
        return None if entry is None else _unseal(cipher, name, entry, self._path).decode()

    def set_password(self, service: str, account: str, password: str) -> None:
        content = _load(self._path) or _new(self._source.read())
        cipher = self._opened(content)
        name = _entry_name(service, account)
        content["entries"][name] = _seal(cipher, name, password.encode())
        _save(self._path, content)

    def delete_password(self, service: str, account: str) -> None:
        if (content := _load(self._path)) is None:
            return
        self._opened(content)
        if content["entries"].pop(_entry_name(service, account), None) is not None:
            _save(self._path, content)

    def renew_key(self) -> int:
        """Seal everything anew under a new key in the place of the present one; how many secrets there are.

        All or nothing, also when the process is killed on the way: the new key waits beside the old one, under the name
        ``….new``, until everything is sealed with it, and is found there.
        """
        if self._source.is_credential:
            raise VaultRefused(
                "This key is not Gatepost's to renew.",
                f"It comes from the {self._source.label}.",
                "Keep it in a key file (--vault-key-file) if Gatepost shall renew it.",
            )
        self.check()
        waiting = self._waiting_key
        waiting.path.unlink(
            missing_ok=True
        )  # of an attempt that came to nothing: ``check`` has just opened the vault without it
        create_key_file(waiting.path)
        try:
            count = rotate_key(self._path, self._source, waiting)
        except BaseException:
            waiting.path.unlink(missing_ok=True)
            raise
        self._put_in_place(waiting)
        return count

    @property
    def _waiting_key(self) -> KeySource:
        path = self._source.path
        return KeySource(path.with_name(f"{path.name}.new"))

    def _opened(self, content: dict[str, Any]) -> AESGCM:
        try:
            return _open(content, self._source.read(), self._path)
        except VaultDamaged:
            waiting = self._waiting_key
            if self._source.is_credential or not waiting.path.exists():
                raise
            cipher = _open(content, waiting.read(), self._path)
        self._put_in_place(waiting)  # a renewal was interrupted after the vault had been sealed anew
        return cipher

    def _put_in_place(self, waiting: KeySource) -> None:
        try:
            waiting.path.replace(self._source.path)
            flush_folder(self._source.path.parent)
        except OSError as error:
            words = f"{self._source.path}: {error.strerror}."
            raise VaultUnavailable(
                "The new key cannot take the old one's place.", words, "Check the folder's rights."
            ) from None


def rotate_key(path: Path, old: KeySource, new: KeySource) -> int:
    """Seal every entry anew under another key, all or nothing; how many there were. Raises VaultError.

    No relay may write the file meanwhile. The old key opens nothing afterwards, except in copies of the file that were
    made before (backups).
    """
    content = _load(path)
    if content is None:
        return 0
    before = _open(content, old.read(), path)
    opened = {name: _unseal(before, name, entry, path) for name, entry in content["entries"].items()}
    key = new.read()
    renewed = _new(key)
    after = _open(renewed, key, path)
    renewed["entries"] = {name: _seal(after, name, value) for name, value in opened.items()}
    _save(path, renewed)
    return len(opened)


# --- sealing ---


def _entry_name(service: str, account: str) -> str:
    return f"{service}/{account}"


def _cipher(content: dict[str, Any], key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    salt = base64.b64decode(content["salt"], validate=True)
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=f"{FORMAT}/{VERSION}".encode()).derive(key))


def _open(content: dict[str, Any], key: bytes, path: Path) -> AESGCM:
    """The cipher, after it has proved to be the one that sealed this file."""
    cipher = _cipher(content, key)
    with contextlib.suppress(VaultDamaged):
        if _unseal(cipher, _CHECK_NAME, content["check"], path) == _CHECK_VALUE:
            return cipher
    raise VaultDamaged(
        "The sealed vault does not open with this key.",
        f"{path} was sealed with another key, or its head was changed.",
        "Give the key that it was made with. If that key is lost, move the file away and enter the passwords again.",
    )


def _seal(cipher: AESGCM, name: str, value: bytes) -> dict[str, str]:
    nonce = secrets.token_bytes(_NONCE)
    return {"nonce": _text(nonce), "sealed": _text(cipher.encrypt(nonce, value, name.encode()))}


def _unseal(cipher: AESGCM, name: str, entry: Any, path: Path) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        nonce = base64.b64decode(entry["nonce"], validate=True)
        return cipher.decrypt(nonce, base64.b64decode(entry["sealed"], validate=True), name.encode())
    except (InvalidTag, ValueError, TypeError, KeyError):
        problem = VaultDamaged(
            "A password in the sealed vault is damaged.",
            f"The entry “{name}” in {path} was changed since it was sealed.",
            "Enter this password again, or bring back the file from a backup.",
        )
    raise problem


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


# --- the file ---


def _new(key: bytes) -> dict[str, Any]:
    content: dict[str, Any] = {"format": FORMAT, "version": VERSION, "salt": _text(secrets.token_bytes(16)), "entries": {}}
    content["check"] = _seal(_cipher(content, key), _CHECK_NAME, _CHECK_VALUE)
    return content


def _load(path: Path) -> dict[str, Any] | None:
    """The file's content as far as it can be judged without the key; None when there is no file."""
    try:
        raw = read_whole(path, _MAX_FILE, lambda found: _check_regular(path, found))
    except FileNotFoundError:
        return None
    except OSError as error:
        words = "it is a symbolic link" if path.is_symlink() else error.strerror
        raise VaultUnavailable("The sealed vault cannot be read.", f"{path}: {words}.", "Check the data folder.") from None
    return _judge(raw, path)


def _check_regular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise VaultUnavailable("The sealed vault cannot be read.", f"{path} is not a regular file.", "Check the data folder.")


def _judge(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(raw)
        if len(raw) > _MAX_FILE or content["format"] != FORMAT:
            raise ValueError
        version = content["version"]
        if type(version) is not int:
            raise TypeError
        if version <= VERSION:
            base64.b64decode(content["salt"], validate=True)
            if not isinstance(content["entries"], dict) or not isinstance(content["check"], dict):
                raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        problem: VaultError = VaultDamaged(
            "The sealed vault is damaged.",
            f"{path} is not a whole sealed vault.",
            "Bring it back from a backup, or move it away and enter the passwords again.",
        )
    else:
        if version <= VERSION:
            return dict(content)
        problem = VaultUnavailable(
            "The sealed vault comes from a newer Gatepost.",
            f"{path} has version {version}; this program knows {VERSION}.",
            "Update Gatepost.",
        )
    raise problem


def _save(path: Path, content: dict[str, Any]) -> None:
    raw = json.dumps(content, indent=1, sort_keys=True).encode()
    try:
        replace_durably(path, raw)
    except OSError as error:
        words = error.strerror or type(error).__name__
        raise VaultUnavailable(
            "The sealed vault cannot be written.", f"{path}: {words}.", "Check the disk's room and rights."
        ) from None
