"""An X server without a screen in a machine's network: programs of the machine reach it by its abstract socket."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from PySide6.QtGui import QImage

from tests.support.mail_tools import tool

from .machine import Machine


class Screen:
    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine = machine
        self._folder = folder / "screen"
        self._folder.mkdir()
        self.display = ""

    def __enter__(self) -> Self:
        read, write = os.pipe()
        command = [tool("Xvfb"), "-displayfd", str(write), "-screen", "0", "1280x900x24", "-fbdir", str(self._folder), "-ac"]
        self._server = subprocess.Popen(
            self._machine.beside(*command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=(write,),
        )  # fmt: skip
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        self.display = f":{number}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.terminate()
        self._server.wait(20)

    def picture(self) -> QImage:
        """What is on the screen: Xvfb keeps it as a file in the format of xwd (X11/XWDFile.h)."""
        content = next(self._folder.iterdir()).read_bytes()
        header = struct.unpack(">25I", content[:100])
        start = header[0] + header[19] * 12
        width, height, line = header[4], header[5], header[12]
        return QImage(content[start:], width, height, line, QImage.Format.Format_RGB32).copy()

    def colours(self) -> int:
        found = self.picture()
        return len({found.pixel(x, y) for x in range(0, found.width(), 3) for y in range(0, found.height(), 3)})

    def save(self, path: Path) -> None:
        assert self.picture().save(str(path))
