"""XML with line numbers. A document type is refused, so that no entity is ever expanded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from ..model.errors import InvalidInput, Issue
from .proposal import SourceFile

_DEEPEST = 100
_MOST = 500_000
"""Elements and attributes: what a file may make of its octets in memory."""


@dataclass(slots=True)
class Node:
    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Node] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default).strip()

    def all(self, *tags: str) -> Iterator[Node]:
        """Every element of these names below this one, in the order of the document."""
        for child in self.children:
            if child.tag in tags:
                yield child
            yield from child.all(*tags)


class _Refused(Exception):
    pass


def parse(file: SourceFile) -> Node:
    """The document's root. Raises InvalidInput for what is no XML, has a document type, or is nested without end."""
    parser = expat.ParserCreate()
    root = Node("", {}, 0)
    stack = [root]
    room = _MOST

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal room
        if len(stack) > _DEEPEST:
            raise _Refused("it is nested too deeply")
        room -= 1 + len(attributes)
        if room < 0:
            raise _Refused("it has too many elements")
        node = Node(tag, attributes, parser.CurrentLineNumber)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_tag: str) -> None:
        stack.pop()

    def doctype(*_: object) -> None:
        raise _Refused("it has a document type (DOCTYPE), which no such file has")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    try:
        # An encoding that the text declares was used when it was read; here it is UTF-8 whatever it says.
        text = file.text.lstrip("\ufeff")
        if text.startswith("<?xml"):
            declaration, mark, text = text.partition("?>")
            text = "\n" * declaration.count("\n") + text if mark else declaration
        parser.Parse(text.encode("utf-8", "replace"), True)
    except (expat.ExpatError, _Refused) as error:
        raise InvalidInput([Issue("files", f"{file.name}: {error}")], "This file is not the XML that was expected.") from None
    return root


def whole(text: str) -> int | None:
    """A whole number that is not negative; None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
