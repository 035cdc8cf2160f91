"""Where icons, translations and help texts are: beside the sources, or inside a bundle."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def root() -> Path:
    """The ``resources`` folder."""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle:
        return Path(bundle) / "resources"
    return Path(__file__).resolve().parents[3] / "resources"


def path(*parts: str) -> Path:
    return root().joinpath(*parts)
