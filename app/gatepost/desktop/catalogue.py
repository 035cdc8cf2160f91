"""A language's texts, read from its .po files: there is no compiled form that could be stale.

Understands what ``make translations`` writes (gettext's PO format without contexts).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from gettext import c2py
from pathlib import Path

_LINE = re.compile(r'^(?:(msgid|msgid_plural|msgstr)(?:\[(\d+)\])?\s+)?(".*")\s*$')
_PLURAL = re.compile(r"plural=([^;\n]+)")


def _germanic(n: int) -> int:
    return int(n != 1)


@dataclass(slots=True)
class Catalogue:
    """Empty: everything stays as it stands in the source."""

    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    form: Callable[[int], int] = _germanic

    def single(self, text: str) -> str:
        """The translation, or "" where there is none."""
        return self.texts.get(text, ("",))[0]

    def plural(self, text: str, n: int) -> str:
        forms = self.texts.get(text, ())
        index = self.form(n)
        return forms[index] if index < len(forms) else ""


def read_catalogue(folder: Path) -> Catalogue:
    """All .po files of a folder as one."""
    catalogue = Catalogue()
    for path in sorted(folder.glob("*.po")):
        for text, forms in _entries(path.read_text(encoding="utf-8").splitlines()):
            if text:
                catalogue.texts[text] = forms
            elif found := _PLURAL.search(forms[0]):
                catalogue.form = c2py(found[1])
    return catalogue


def _entries(lines: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(source text, its forms) for each entry that is not marked as doubtful."""
    text, forms, into, fuzzy = "", [""], "", False
    for line in [*lines, ""]:
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        found = _LINE.match(line)
        if not found:
            if into and (not fuzzy or not text):
                yield text, tuple(forms)
            text, forms, into, fuzzy = "", [""], "", False
            continue
        if found[1]:
            into = found[1]
            if found[2] and int(found[2]):
                forms.append("")
        value = ast.literal_eval(found[3])
        if into == "msgid":
            text += value
        elif into == "msgstr":
            forms[-1] += value
