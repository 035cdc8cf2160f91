"""Words for people, in their language.

``tr("Delete {name}?", name=name)`` and ``ntr("{n} message", "{n} messages", n)`` take English literals, whole sentences with
named placeholders. ``make translations`` collects them from the sources into ``resources/translations/<language>/*.po``; a
catalogue is read when its language is chosen. Text that is looked up later (a page's title in a table) is ``mark``-ed where it
stands and given to ``tr`` where it is shown.
"""

from __future__ import annotations

import locale
import os
import sys
from pathlib import Path

from . import resources
from .catalogue import Catalogue, read_catalogue

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""By code, each in its own words."""

_SOURCE = "en"
_catalogue = Catalogue()
_language = _SOURCE


def tr(text: str, /, **values: object) -> str:
    """``text`` in the chosen language, with ``{placeholders}`` filled in."""
    translated = _catalogue.single(text) or text
    return translated.format(**values) if values else translated


def ntr(one: str, many: str, n: int, /, **values: object) -> str:
    """The form of the text that goes with ``n``, which is also the placeholder ``{n}`` (grouped: 1,204)."""
    translated = _catalogue.plural(one, n) or (one if n == 1 else many)
    return translated.format(**{"n": format_count(n), **values})


def mark(text: str, /) -> str:
    """The text itself: says that it is to be translated when it is shown."""
    return text


def format_count(n: int) -> str:
    """A whole number with the language's grouping."""
    return f"{n:,}".replace(",", ".") if _language == "de" else f"{n:,}"


def language() -> str:
    """The code of the language in use."""
    return _language


def set_language(code: str, folder: Path | None = None) -> str:
    """Use a language from now on; "" means the system's. Returns the one in use. Texts already shown stay as they are."""
    global _catalogue, _language
    wanted = code if code in LANGUAGES else system_language()
    _catalogue = Catalogue() if wanted == _SOURCE else read_catalogue((folder or resources.path("translations")) / wanted)
    _language = wanted
    return wanted


def system_language() -> str:
    """The first of the languages that the system asks for and that we speak, else English."""
    asked = [os.environ.get(name, "") for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")]
    if sys.platform in ("win32", "darwin"):
        asked.append(locale.getlocale()[0] or "")
    for choice in ":".join(asked).split(":"):
        code = choice.replace("-", "_").partition("_")[0].partition(".")[0].casefold()
        if code in ("c", "posix"):
            return _SOURCE
        if code in LANGUAGES:
            return code
    return _SOURCE
