"""Tokens of remote administration, kept in one small file: names, times, and the SHA-256 of each. Never a token.

A token is 256 random bits, so its plain hash can be neither guessed nor looked up; there is nothing to salt or to stretch.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import StoreError
from .folder import DataFolder, flush_folder

FILE_NAME = "tokens.json"


@dataclass(frozen=True, slots=True)
class StoredToken:
    id: str
    name: str
    digest: str
    """SHA-256 in hexadecimal."""
    created_at: float
    created_by: str
    last_used_at: float | None = None
    last_address: str = ""


class TokenFile:
    """Calls block."""

    def __init__(self, folder: DataFolder) -> None:
        self._path: Path = folder.path / FILE_NAME

    def load(self) -> tuple[StoredToken, ...]:
        """Empty when there is no file. Raises StoreError when it is damaged: then nobody gets in, and somebody is told."""
        try:
            return tuple(StoredToken(**entry) for entry in json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(
                "The tokens of remote administration cannot be read.",
                f"{self._path}: {error}",
                "Move the file away, restart the relay and make new tokens.",
            ) from error

    def save(self, tokens: tuple[StoredToken, ...]) -> None:
        """Flushed to the disk: a token that was revoked stays so. Raises StoreError."""
        new = self._path.with_suffix(".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                json.dump([asdict(token) for token in tokens], handle)
                handle.flush()
                os.fsync(handle.fileno())
            new.replace(self._path)
            flush_folder(self._path.parent)
        except OSError as error:
            raise StoreError("The tokens cannot be kept.", f"{self._path}: {error.strerror}") from error
