"""Collect the app's texts into resources/translations/<language>/<area>.po, keeping what is translated already.

    make translations        then fill in what it lists, and run it again

An area is a page, or a package of the app; what the rest of the app says is in ``app.po``. The files hold no line numbers, so
that they change only when a text does.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "app" / "gatepost" / "desktop"
FOLDER = ROOT / "resources" / "translations"
LANGUAGES = ("de",)
KEYWORDS = {"tr": None, "mark": None, "ntr": (1, 2)}
_PLACEHOLDER = re.compile(r"\{[^}]*\}")

Text = str | tuple[str, str]


def area_of(path: Path) -> str:
    parts = path.relative_to(SOURCES).with_suffix("").parts
    if parts[0] == "pages" and len(parts) > 1:
        return parts[1] if parts[1] not in ("page", "registry", "__init__") else "app"
    return parts[0] if len(parts) > 1 else "app"


def texts_by_area() -> dict[str, list[Text]]:
    """What the sources say, in the order of the alphabet."""
    found: dict[str, set[Text]] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        with path.open("rb") as source:
            for _, message, _, _ in extract("python", source, keywords=KEYWORDS):
                text = (message[0], message[1]) if isinstance(message, tuple) else message
                found.setdefault(area_of(path), set()).add(text)
    return {area: sorted(texts, key=str) for area, texts in found.items()}


def read(language: str) -> dict[str, Catalog]:
    catalogs = {}
    for path in sorted((FOLDER / language).glob("*.po")):
        with path.open("rb") as file:
            catalogs[path.stem] = read_po(file, locale=language)
    return catalogs


def updated(language: str) -> dict[str, Catalog]:
    """A catalogue for each area: every text of the sources, with its translation where any area has one."""
    known: dict[object, Any] = {}
    for catalog in read(language).values():
        known |= {_key(message.id): message.string for message in catalog if message.id and message.string}
    made = {}
    for area, texts in texts_by_area().items():
        catalog = Catalog(locale=language, project="Gatepost", header_comment=f"# Gatepost: {area}")
        for text in texts:
            catalog.add(text, known.get(_key(text)) or None)
        made[area] = catalog
    return made


def _key(text: object) -> object:
    """A plural's first form names it, as gettext does; a text may not be both."""
    return ("plural", text[0]) if isinstance(text, tuple | list) else text


def written(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(buffer, catalog, no_location=True, omit_header=True, sort_output=True, width=0)
    forms = f"nplurals={catalog.num_plurals}; plural={catalog.plural_expr};"
    header = f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: {forms}\\n"\n\n'
    return header.encode() + buffer.getvalue()


def problems(language: str) -> Iterator[str]:
    """What is not as it should be: stale files, texts without a translation, placeholders and mnemonics that differ."""
    catalogs = updated(language)
    on_disk = {path.stem: path.read_bytes() for path in (FOLDER / language).glob("*.po")}
    for area in sorted(on_disk.keys() | catalogs.keys()):
        if area not in catalogs or on_disk.get(area) != written(catalogs[area]):
            yield f"{language}/{area}.po is not what the sources say: run “make translations”"
    for area, catalog in catalogs.items():
        for message in catalog:
            if message.id:
                yield from _problems_of(f"{language}/{area}.po", message.id, message.string)


def _problems_of(where: str, source: object, translation: object) -> Iterator[str]:
    sources = list(source) if isinstance(source, tuple | list) else [source]
    forms = list(translation) if isinstance(translation, tuple | list) else [translation]
    if not all(forms):
        yield f"{where}: no translation of {sources[0]!r}"
        return
    wanted = set(_PLACEHOLDER.findall(str(sources[-1])))
    for form in forms:
        found = set(_PLACEHOLDER.findall(str(form)))
        if found - wanted or (len(forms) == 1 and found != wanted):  # "one message" may leave the number out
            yield f"{where}: other placeholders in {form!r} than in {sources[-1]!r}"
        if _mnemonics(str(form)) != _mnemonics(str(sources[-1])):
            yield f"{where}: {form!r} and {sources[-1]!r} have not the same number of mnemonics"


def _mnemonics(text: str) -> int:
    return text.replace("&&", "").count("&")


def main() -> int:
    for language in LANGUAGES:
        folder = FOLDER / language
        folder.mkdir(parents=True, exist_ok=True)
        catalogs = updated(language)
        for path in folder.glob("*.po"):
            if path.stem not in catalogs:
                path.unlink()
        for area, catalog in catalogs.items():
            (folder / f"{area}.po").write_bytes(written(catalog))
        left = list(problems(language))
        print("\n".join(left) if left else f"{language}: complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
