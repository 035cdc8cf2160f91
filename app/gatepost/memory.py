"""What relay and window ask of the C library and the kernel, so that they take no more memory than they work with (Linux,
glibc).

Elsewhere, and with another C library, nothing happens: everything works without it.
"""

from __future__ import annotations

import ctypes
import re
import sys
from contextlib import suppress
from pathlib import Path

_ARENA_MAX = -8  # M_ARENA_MAX of mallopt(3)
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD
_DONTNEED = 4  # MADV_DONTNEED of madvise(2)
_MAPPING = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) (r-xp|r--p|rw-p) \S+ (\S+ [1-9]\d*) .*\n"
    rb"(?:[A-Z].*\n)*?Anonymous: +(\d+) kB\n(?:[A-Z].*\n)*?Swap: +(\d+) kB\n",
    re.MULTILINE,
)
"""A part of a file in /proc/self/smaps: from, to, what is allowed, the file's device and inode, and how
much of it the process has as pages of its own, in memory and swapped out."""


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
    """After the start: free heap, and the code and constants of libraries that only the start has used, their tables for the
    loader first of all. What is used again is mapped again from the page cache."""
    with suppress(OSError, AttributeError):
        library = _library()
        if library is None:
            return
        library.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, size in _as_in_their_files(Path("/proc/self/smaps").read_bytes()):
            library.madvise(start, size, _DONTNEED)
        library.malloc_trim(0)


def _library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def _as_in_their_files(smaps: bytes) -> list[tuple[int, int]]:
    """Start and size of what libraries hold and nobody has written to: what the loader has is in no file.

    Only of libraries whose writable part is there: the loader maps that last, and until then a thread that is just loading
    one may be about to write to any part of it.
    """
    found: dict[bytes, list[tuple[int, int]]] = {}
    complete: set[bytes] = set()
    for start, end, allowed, file, own, swapped in _MAPPING.findall(smaps):
        if allowed == b"rw-p":
            complete.add(file)
        elif own == swapped == b"0":
            found.setdefault(file, []).append((int(start, 16), int(end, 16) - int(start, 16)))
    return [mapping for file, mappings in found.items() if file in complete for mapping in mappings]
