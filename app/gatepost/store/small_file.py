"""Small files beside the databases: cheap to lose, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .errors import StoreError
from .folder import DataFolder


class SmallFile:
    """Plain JSON material. ``what`` names it in errors, such as “What gateways did lately”. Calls block."""

    def __init__(self, folder: DataFolder, name: str, what: str) -> None:
        self._path: Path = folder.path / name
        self._what = what

    def load(self) -> dict[str, Any]:
        """Empty when there is none. Raises StoreError when it cannot be read as what ``save`` wrote."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StoreError(f"{self._what} cannot be read.", f"{self._path}: {error}") from error
        if not isinstance(found, dict):
            raise StoreError(f"{self._what} cannot be read.", f"{self._path} holds something else.")
        return found

    def save(self, data: dict[str, Any]) -> None:
        """Not flushed to the disk: after a power cut there is the old content or the new one. Raises StoreError."""
        new = self._path.with_suffix(".new")
        try:
            new.write_text(json.dumps(data), encoding="utf-8")
            os.replace(new, self._path)
        except OSError as error:
            raise StoreError(f"{self._what} is not kept.", f"{self._path}: {error.strerror}") from error
