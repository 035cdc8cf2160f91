"""Putting a damaged file away, with whatever only makes sense beside it: nothing is deleted, and nothing is left half done.

A relay may be killed between two of the renames. What stayed behind would then be taken for something else at the next
start: a log without its database is thrown away by SQLite, bodies without a row are removed, a database without its log
may even pass for sound. So a note says, before the first rename, where everything goes, and the next start goes on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import StoreError
from .folder import PRIVATE_FILE, PRIVATE_FOLDER, DataFolder, flush_folder

log = logging.getLogger(__name__)

_COMPANIONS = ("-wal", "-shm", "-journal")


def set_aside(path: Path, folder: DataFolder, clock: Callable[[], float], also: Sequence[Path]) -> Path:
    """Move the file, its companions and ``also`` into a new folder below ``damaged/``, which is returned.

    Raises StoreError when the disk does not let us.
    """
    with _in_words():
        target = folder.new_damaged_folder(clock)
        flush_folder(folder.damaged)
        _write(_note(path), target.name)
        _move(path, target, also)
    return target


def finish(path: Path, folder: DataFolder, also: Sequence[Path]) -> Path | None:
    """Go on where an earlier start was interrupted; None when none was. To be called before the file is opened.

    Raises StoreError when the disk does not let us.
    """
    with _in_words():
        try:
            name = _note(path).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        if not name:  # interrupted before anything was moved
            _note(path).unlink()
            return None
        target = folder.damaged / Path(name).name
        target.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        _move(path, target, also)
    log.error("setting the damaged %s aside had been interrupted; it is kept whole in %s", path.name, target)
    return target


def set_folder_aside(path: Path, folder: DataFolder, clock: Callable[[], float]) -> Path:
    """Move a folder whole and leave an empty one in its place; where it is now. Raises StoreError."""
    with _in_words():
        target = folder.new_damaged_folder(clock)
        path.rename(target / path.name)
        path.mkdir(mode=PRIVATE_FOLDER)
        flush_folder(target)
        flush_folder(path.parent)
    return target


def suspect(path: Path) -> Path:
    """Exists while a file was found damaged and has not been set aside."""
    return path.with_name(path.name + ".suspect")


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        detail = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise StoreError("The damaged file cannot be set aside.", detail) from error


def _move(path: Path, target: Path, also: Sequence[Path]) -> None:
    for source in (*also, *(path.with_name(path.name + suffix) for suffix in _COMPANIONS), path):
        kept = target / source.name
        if source.exists() and not kept.exists():
            is_folder = source.is_dir()
            source.rename(kept)
            if is_folder:
                source.mkdir(mode=PRIVATE_FOLDER)
    suspect(path).unlink(missing_ok=True)
    flush_folder(target)
    flush_folder(path.parent)
    _note(path).unlink()
    flush_folder(path.parent)


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".set-aside")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        os.write(descriptor, text.encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    flush_folder(path.parent)
