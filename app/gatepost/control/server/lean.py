"""aiohttp's server half without its client half, until somebody needs the latter.

WORKAROUND: aiohttp 3.13/3.14. ``aiohttp/__init__`` imports the whole HTTP client, about 4 MB that a relay which only
serves its control API never uses. The package is entered into ``sys.modules`` unexecuted, so that ``aiohttp.web`` loads just
what it needs; the first look at anything else of the package runs its own ``__init__`` after all.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_VERSION = re.compile(r"^__version__\s*=\s*[\"']([^\"']+)", re.MULTILINE)


def prepare_aiohttp() -> None:
    """Call before the first import of aiohttp; does nothing when it is loaded already."""
    if "aiohttp" in sys.modules:
        return
    spec = importlib.util.find_spec("aiohttp")
    if spec is None or spec.origin is None or spec.loader is None:
        return  # the ordinary import will say what is wrong
    version = _version(Path(spec.origin))
    if version is None:
        return
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__version__"] = version
    module.__dict__["__getattr__"] = _whole(module)
    sys.modules["aiohttp"] = module


def _version(init: Path) -> str | None:
    """As the source says it; a bundle has none, but a folder that is named for it."""
    try:
        found = _VERSION.search(init.read_text(encoding="utf-8"))
    except OSError:
        for folder in init.parents[1].glob("aiohttp-*.dist-info"):
            return folder.name.removeprefix("aiohttp-").removesuffix(".dist-info")
        return None
    return found[1] if found else None


def _whole(module: ModuleType) -> Any:
    def load_and_get(name: str) -> Any:
        if name.startswith("__") or importlib.util.find_spec(f"{module.__name__}.{name}") is not None:
            raise AttributeError(name)  # a module of its own: the import system goes on to load it
        if module.__dict__.pop("__getattr__", None) is not None and module.__spec__ and module.__spec__.loader:
            module.__spec__.loader.exec_module(module)
        return getattr(module, name)

    return load_and_get
