"""Is there room for one more message: on the disk, or inside the spool's file, which keeps what it once needed.

A rough answer, cheap enough for each message. The commit has the last word: what does not fit after all is refused then.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from pathlib import Path

from .values import LARGE_BODY

RECORDING_ROOM = 40_000_000
"""Free octets of the disk that new mail never takes: the write-ahead logs of spool and journal (16 MB each before they are
emptied) must be able to grow, or what was delivered could not be recorded and make room again."""
INSIDE_RESERVE = 4_000_000
"""Free octets inside the file that are left for indexes and outcomes."""
BELIEVED_SECONDS = 1.0
_LOOK_SECONDS = 0.05
"""Between looks into the file, each of which opens it."""


class SpoolRoom:
    """``spool``: the database's file. Measures once a second, and before it says no.

    What was answered with yes or stored meanwhile counts as used. That is often the same twice, which only makes it look
    sooner; but a client need not announce a size, and then what is stored is all there is to count.
    """

    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._disk = (0, float("-inf"))
        self._inside = (0, float("-inf"))

    def fits(self, size: int, min_free: int) -> bool:
        """Whether a message of ``size`` octets fits and leaves ``min_free`` of the disk alone."""
        return self.fits_on_disk(size, min_free) or (size < LARGE_BODY and self._fits_inside(size, time.monotonic()))

    def fits_on_disk(self, size: int, min_free: int) -> bool:
        """The same of ``size`` octets of a file of its own, for which the room inside the spool's is none."""
        least = max(min_free, RECORDING_ROOM)
        free, measured = self._disk
        now = time.monotonic()
        if now - measured >= BELIEVED_SECONDS or free - size < least:
            free, measured = shutil.disk_usage(self._spool.parent).free, now
        has_room = free - size >= least
        self._disk = (free - size if has_room else free, measured)
        return has_room

    def takes(self, size: int) -> None:
        """``size`` octets go into the spool's file."""
        free, measured = self._disk
        self._disk = (free - size, measured)
        free, measured = self._inside
        self._inside = (free - size, measured)

    def _fits_inside(self, size: int, now: float) -> bool:
        free, measured = self._inside
        age = now - measured
        if age >= BELIEVED_SECONDS or (free - size < INSIDE_RESERVE and age >= _LOOK_SECONDS):
            free, measured = _free_pages(self._spool), now
        has_room = free - size >= INSIDE_RESERVE
        self._inside = (free - size if has_room else free, measured)
        return has_room


def _free_pages(path: Path) -> int:
    """Octets of a database that hold nothing, from its first page."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as found:
        ((pages,), (size,)) = (found.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_size"))
        return int(pages) * int(size)
    return 0
