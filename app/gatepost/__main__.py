"""Picks the role: the desktop app, the relay, or a command. Imports nothing before it is needed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model.move_options import GiveOptions, ReceiveOptions
    from .model.relay_options import RelayOptions


def main() -> int:
    arguments = sys.argv[1:]
    if _is_for_desktop(arguments) and _has_desktop():
        return _desktop(arguments)
    from .cli.main import Roles
    from .cli.main import main as command

    return command(arguments, Roles(relay=_relay, move=_move))


def _relay(options: RelayOptions) -> int:
    from .process import run

    if options.windows_service and sys.platform == "win32":
        from .readiness import on_ready
        from .service_manager.windows_host import Advapi, Host

        host = Host(Advapi("Gatepost"))
        on_ready(host.ready)
        return host.run(lambda: run(options))
    return run(options)


def _move(options: GiveOptions | ReceiveOptions) -> int:
    from .moving.running import run

    return run(options)


def _is_for_desktop(arguments: list[str]) -> bool:
    """No command at all, or nothing but the data folder."""
    match arguments:
        case [] | ["--data", _]:
            return True
        case [one]:
            return one.startswith("--data=")
        case _:
            return False


def _has_desktop() -> bool:
    """Whether the desktop app is installed and there is a display that it could open a window on."""
    if not (sys.platform in ("win32", "darwin") or _has_display()):
        return False
    from importlib.util import find_spec

    return find_spec("gatepost.desktop") is not None and find_spec("PySide6") is not None and find_spec("qasync") is not None


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _desktop(arguments: list[str]) -> int:
    from importlib import import_module
    from pathlib import Path

    from .model.locations import default_data_folder

    named = arguments[-1].removeprefix("--data=") if arguments else ""
    folder = Path(named) if named else default_data_folder()
    return int(import_module("gatepost.desktop.application").main(folder.expanduser().absolute()))


if __name__ == "__main__":
    sys.exit(main())
