"""Notices when anybody opens or reads a file of a folder (Linux, inotify(7))."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

_ACCESS, _OPEN, _NOWRITE = 0x1, 0x20, 0x10
_EVENT = struct.Struct("iIII")


class FileWatch:
    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._handle < 0 or libc.inotify_add_watch(self._handle, os.fsencode(folder), _ACCESS | _OPEN | _NOWRITE) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def seen(self) -> set[str]:
        """Names of files that were opened or read since the last call."""
        found: set[str] = set()
        while True:
            try:
                data = os.read(self._handle, 65_536)
            except BlockingIOError:
                return found
            at = 0
            while at < len(data):
                *_rest, length = _EVENT.unpack_from(data, at)
                name = data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
                if name:
                    found.add(os.fsdecode(name))
                at += _EVENT.size + length

    def close(self) -> None:
        os.close(self._handle)
