"""Picks the role: the desktop app, the relay, or a command. Imports nothing before it is needed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model.relay_options import RelayOptions


def main() -> int:
    from .cli.main import Roles
    from .cli.main import main as command

    return command(sys.argv[1:], Roles(relay=_relay, desktop=_desktop if _has_desktop() else None))


def _relay(options: RelayOptions) -> int:
    from .process import run

    return run(options)


def _has_desktop() -> bool:
    """Whether the desktop app is installed and there is a display that it could open a window on."""
    if len(sys.argv) > 1 or not (sys.platform in ("win32", "darwin") or _has_display()):
        return False
    from importlib.util import find_spec

    return find_spec("gatepost.desktop") is not None and find_spec("PySide6") is not None and find_spec("qasync") is not None


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _desktop() -> int:
    from importlib import import_module

    return int(import_module("gatepost.desktop.application").main())


if __name__ == "__main__":
    sys.exit(main())
