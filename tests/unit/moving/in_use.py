"""Renaming as Windows does it: not a folder in which this process has a file open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def renames_none_in_use(rename: Callable[..., Any]) -> Callable[..., Any]:
    def checked(source: Path, target: Path) -> Any:
        inside = f"{Path(source).absolute()}/"
        for descriptor in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(f"/proc/self/fd/{descriptor}").startswith(inside):
                    raise PermissionError(13, "Access is denied", str(source))
        return rename(source, target)

    return checked
