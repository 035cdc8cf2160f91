"""Recognising sentences by templates with named placeholders: “{host} is known.”."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

_PLACE = re.compile(r"\{(\w+)\}")
_OPEN = r".+?"


class Template:
    """A sentence; ``kinds`` are the patterns of the placeholders that stand for more or less than "anything"."""

    def __init__(self, text: str, kinds: Mapping[str, str]) -> None:
        self.text = text
        self.start = text.partition("{")[0]
        self.fixed = len(_PLACE.sub("", text))
        self._kinds = kinds

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        made, seen, at = "", set[str](), 0
        for found in _PLACE.finditer(self.text):
            name = found[1]
            made += re.escape(self.text[at : found.start()])
            made += f"(?P={name})" if name in seen else f"(?P<{name}>{self._kinds.get(name, _OPEN)})"
            seen.add(name)
            at = found.end()
        return re.compile(made + re.escape(self.text[at:]), re.DOTALL)

    @cached_property
    def begins(self) -> re.Pattern[str]:
        """The sentence with others behind it."""
        return re.compile(self.pattern.pattern + "(?: |$)", re.DOTALL)


class Templates:
    """Many of them: the one with the most words of its own counts."""

    def __init__(self, texts: Iterable[str], kinds: Mapping[str, str]) -> None:
        self._by_word: dict[str, list[Template]] = {}
        self._others: list[Template] = []
        for template in sorted((Template(text, kinds) for text in texts), key=lambda made: -made.fixed):
            word, space, _ = template.start.partition(" ")
            if space:
                self._by_word.setdefault(word, []).append(template)
            else:
                self._others.append(template)

    def whole(self, text: str) -> Iterator[tuple[Template, re.Match[str]]]:
        """The templates that the whole text is, best first."""
        for template in self._candidates(text):
            if found := template.pattern.fullmatch(text):
                yield template, found

    def first(self, text: str) -> tuple[Template, re.Match[str]] | None:
        """The sentence that the text begins with."""
        for template in self._candidates(text):
            if found := template.begins.match(text):
                return template, found
        return None

    def _candidates(self, text: str) -> Iterator[Template]:
        named = self._by_word.get(text.partition(" ")[0], [])
        for template in sorted([*named, *self._others], key=lambda made: -made.fixed):
            if text.startswith(template.start):
                yield template
