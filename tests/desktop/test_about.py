"""About Gatepost."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from gatepost.desktop.about import facts
from gatepost.desktop.context import AppContext
from gatepost.desktop.i18n import set_language


def test_it_says_under_which_licences_it_and_qt_are() -> None:
    """As section 4 of the LGPL asks where a program tells of itself."""
    context = cast(AppContext, SimpleNamespace(session=SimpleNamespace(snapshot=None, data_folder=Path("/data"))))
    told = dict(facts(context))
    assert told["Licence"] == "MIT; Qt and its bindings: LGPL 3"
    set_language("de")
    assert dict(facts(context))["Lizenz"] == "MIT; Qt und seine Anbindung: LGPL 3"
