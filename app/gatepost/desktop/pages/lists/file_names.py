"""Names for files from names that strangers chose: for a dialog to propose, never to lead anywhere else."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

MAX_OCTETS = 120
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?\Z", re.IGNORECASE)
"""Names of devices on Windows, with any ending."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')


def safe_name(proposed: str, fallback: str) -> str:
    """A plain file name: no folder, no sign that any system forbids, nothing that is invisible or turns the reading direction
    (so that the ending is the real one), not hidden, no device of Windows', short. ``fallback`` where nothing is left."""
    last = re.split(r"[/\\]", proposed)[-1]
    seen = "".join(
        sign for sign in unicodedata.normalize("NFC", last) if unicodedata.category(sign)[0] not in "CZ" or sign == " "
    )
    name = _FORBIDDEN.sub("_", seen).lstrip(". ").rstrip(". ")
    name = _shortened(re.sub(r" {2,}", " ", name))
    if not name:
        return fallback
    return f"_{name}" if _RESERVED.match(name) else name


def _shortened(name: str) -> str:
    """Cut before the ending."""
    if len(name.encode()) <= MAX_OCTETS:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending.encode()) > 20:
        stem, ending = name, ""
    else:
        ending = f".{ending}"
    room = MAX_OCTETS - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + ending


def unused(folder: Path, name: str) -> Path:
    """In this folder, with a number before the ending where there is such a file already. Blocking."""
    path = folder / name
    number = 2
    while path.exists() or path.is_symlink():
        stem, dot, ending = name.rpartition(".")
        path = folder / (f"{stem} ({number}).{ending}" if dot and stem else f"{name} ({number})")
        number += 1
    return path
