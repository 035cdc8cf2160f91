"""The manager of this system."""

from __future__ import annotations

import sys
from pathlib import Path

from .values import Manager


def manager() -> Manager:
    if sys.platform == "win32":
        from .windows import WindowsServices

        return WindowsServices()
    if sys.platform == "darwin":
        from .launchd import Launchd

        return Launchd()
    from .systemd import Systemd

    return Systemd(resources() / "service" / "gatepost.service")


def resources() -> Path:
    """Beside the sources, or inside a bundle."""
    bundle = getattr(sys, "_MEIPASS", None)
    return Path(bundle) / "resources" if bundle else Path(__file__).resolve().parents[3] / "resources"
