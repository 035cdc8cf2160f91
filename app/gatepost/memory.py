"""What relay and window ask of the C library and the kernel, so that they take no more memory than they work with (Linux,
glibc).

Elsewhere, and with another C library, nothing happens: everything works without it.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ARENA_MAX = -8  # M_ARENA_MAX of mallopt(3)
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD
_DONTNEED = 4  # MADV_DONTNEED of madvise(2)
_CODE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d* +/")
"""In /proc/self/maps: machine code that a file holds, private to nobody and never written."""


def keep_together() -> None:
    """One heap for all threads instead of one for each, of which every one keeps what it once needed.

    The interpreter's lock lets hardly ever two threads allocate at the same time. Call it before the first thread starts.
    """
    with suppress(OSError, AttributeError):
        if (library := _library()) is not None:
            library.mallopt(_ARENA_MAX, 1)


def map_large() -> None:
    """Blocks of a megabyte and more always go back to the system when they are freed. Left alone, the C library keeps them
    in its heap once one of that size was freed: a list of a million ids would be paid for several times."""
    with suppress(OSError, AttributeError):
        if (library := _library()) is not None:
            library.mallopt(_MMAP_THRESHOLD, 1 << 20)


def give_back() -> None:
    """After the start: free heap, and the code that only the start has run. Code that is run again is mapped again from
    the page cache when it is called."""
    with suppress(OSError, AttributeError):
        library = _library()
        if library is None:
            return
        library.malloc_trim(0)
        library.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, size in _code_mappings():
            library.madvise(start, size, _DONTNEED)


def _library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def _code_mappings() -> Iterator[tuple[int, int]]:
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        if (match := _CODE.match(line)) is not None:
            start = int(match[1], 16)
            yield start, int(match[2], 16) - start
