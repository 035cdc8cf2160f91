"""Notes in the two folders of a move: where it went, and that the new one is not a relay's yet."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ..model.errors import Conflict
from ..store.folder import flush_folder

IN, OUT = "moving-in.json", "moving-out.json"


class UnfinishedMove(Conflict):
    code = "unfinished-move"


@dataclass(frozen=True, slots=True)
class Note:
    """``id`` is the same in both folders."""

    id: str
    source: str
    moved_to: str

    def write(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump(asdict(self), handle)
            handle.flush()
            os.fsync(handle.fileno())
        flush_folder(path.parent)


def read(path: Path) -> Note | None:
    try:
        return Note(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def refuse_unfinished(data_folder: Path) -> None:
    """No relay starts on a folder whose mail may still be another's. Raises UnfinishedMove."""
    if not (data_folder / IN).exists():
        return
    found = read(data_folder / IN)
    source = found.source if found else "the old folder"
    raise UnfinishedMove(
        "A move into this folder was not finished.",
        f"Its mail came from {source}, and may still be there.",
        "Finish it under the account whose relay is moved: gatepost service adopt",
    )
