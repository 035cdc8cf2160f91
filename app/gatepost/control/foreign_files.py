"""Another server's configuration files, read on the machine where a person sits, as the import wants them."""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from ..model.errors import GatepostError

if TYPE_CHECKING:
    from .client import Client
    from .import_schema import ImportProposal

LARGEST = 6_000_000
"""Octets of all files together: they travel in one request."""
MOST = 500
_NO_TEXT = frozenset({".db", ".lmdb", ".cdb", ".pem", ".key", ".crt", ".7z", ".dat"})
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

Texts = list[tuple[str, str]]
"""(name, text)"""


def read(paths: Sequence[Path]) -> Texts:
    """Files as they are; of a folder, Postfix's two files where it is Postfix's (``beside`` has what they point to), else
    the text files in it. Raises OSError, and GatepostError for what is too much."""
    found: Texts = []
    for path in paths:
        if path.is_dir():
            own = [path / name for name in ("main.cf", "master.cf") if (path / name).is_file()]
            for inner in own or sorted(path.iterdir()):
                if inner.is_file() and inner.suffix.casefold() not in _NO_TEXT and not inner.name.startswith("."):
                    _add(inner, found, named=False)
        else:
            _add(path, found, named=True)
    return found


async def preview(client: Client, kind: str, paths: Sequence[Path]) -> tuple[Texts, ImportProposal, list[Path]]:
    """What these files mean, with those that lie beside them and that they point to: all files, the proposal, what was found
    beside. Nothing is saved. Raises OSError and what ``read`` and the relay raise."""
    files = await asyncio.to_thread(read, paths)
    proposal = await client.preview_import(kind, files)
    found: list[Path] = []
    while more := await asyncio.to_thread(beside, paths, proposal.wanted, [name for name, _ in files]):
        files += await asyncio.to_thread(read, more)
        found += more
        proposal = await client.preview_import(kind, files)
    return files, proposal, found


def beside(paths: Iterable[Path], wanted: Iterable[str], have: Iterable[str]) -> list[Path]:
    """Of the files that a configuration points to, those that lie in the folder of one that was given."""
    folders = list(dict.fromkeys(path if path.is_dir() else path.parent for path in paths))
    known = {_base(name) for name in have}
    names = [name for text in wanted if (name := _base(text)) not in known]
    return [
        path
        for name in dict.fromkeys(names)
        for folder in folders
        if (path := folder / name).is_file() and os.access(path, os.R_OK)
    ]


def _base(name: str) -> str:
    return PureWindowsPath(name).name if "\\" in name else PurePosixPath(name).name


def _add(path: Path, found: Texts, *, named: bool) -> None:
    size = path.stat().st_size
    if len(found) >= MOST or size + sum(len(text) for _, text in found) > LARGEST:
        raise GatepostError("These files are too large to be a configuration.", str(path), "Name the files one by one.")
    raw = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    text = raw.decode(encoding, "replace")
    if "\0" in text:
        if named:
            raise GatepostError("This is no text file.", str(path), "Give the text that the table was made from.")
        return
    found.append((str(path.absolute()), text))
