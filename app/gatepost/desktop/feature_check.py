"""Keeps PySide from reading the source of every module that is imported.

From the moment PySide is there, it reads each imported module's source to find out whether ``from __feature__ import …`` could
concern it, and Python keeps what was read: 11 MB, and a tenth of the start, for a feature that Gatepost does not use.
"""

from __future__ import annotations

import linecache
from contextlib import suppress
from importlib import import_module
from typing import Any


def spare_sources() -> None:
    # WORKAROUND: PySide 6.11 has no switch for it (PYSIDE-2029). Where another version has moved it, it goes on reading.
    with suppress(ImportError, AttributeError):
        import_module("PySide6.QtCore")
        feature: Any = import_module("shibokensupport.feature")
        if callable(feature._mod_uses_pyside):
            feature._mod_uses_pyside = lambda _module: False
            linecache.clearcache()  # the sources that it read before
