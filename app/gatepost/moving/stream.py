"""What travels between the two halves: a line of JSON each, after some of them so many octets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from ..model.errors import Conflict, GatepostError, Unavailable

VERSION = 1
CHUNK = 1 << 20
MAX_LINE = 1 << 20


class Broken(Unavailable):
    """The other half is gone, or says what nobody understands."""

    code = "move-broken"


class Frame(dict[str, Any]):
    """One line. Asking for what the other half should have said and did not raises Broken."""

    def __missing__(self, name: str) -> Any:
        raise nonsense(name)

    def number(self, name: str) -> int:
        value = self[name]
        if type(value) is not int or value < 0:
            raise nonsense(name)
        return value

    def table(self, name: str) -> dict[str, Any]:
        value = self[name]
        if not isinstance(value, dict):
            raise nonsense(name)
        return value

    def names(self, name: str) -> list[str]:
        value = self[name]
        if not isinstance(value, list):
            raise nonsense(name)
        return [str(one) for one in value]


def nonsense(name: str) -> Broken:
    return Broken("The move was interrupted.", f"The other half says nothing that is understood of “{name}”.")


def write(out: IO[bytes], frame: dict[str, Any]) -> None:
    """Raises Broken."""
    try:
        out.write(json.dumps(frame).encode() + b"\n")
        out.flush()
    except (OSError, ValueError):
        raise Broken("The move was interrupted.", "The other half ended.") from None


def read(source: IO[bytes]) -> Frame:
    """Raises Broken at the end, and the error that the other half tells."""
    line = source.readline(MAX_LINE)
    try:
        found = json.loads(line)
        if not isinstance(found, dict):
            raise TypeError
    except (ValueError, TypeError, RecursionError):
        raise Broken("The move was interrupted.", "The other half ended before it was done.") from None
    frame = Frame(found)
    if "error" in frame:
        told = Frame(frame.table("error"))
        code = told.get("exit_code", 1)
        kind = Conflict if code == Conflict.exit_code else GatepostError
        error = kind(str(told["title"]), str(told.get("detail", "")), str(told.get("hint", "")))
        error.code, error.exit_code = str(told.get("code", "error")), code if type(code) is int else 1
        raise error
    return frame


def error_frame(error: GatepostError) -> dict[str, Any]:
    told = {"title": error.title, "detail": error.detail, "hint": error.hint, "code": error.code, "exit_code": error.exit_code}
    return {"error": told}


def octets(source: IO[bytes], size: int) -> Iterator[bytes]:
    """Exactly ``size`` of them. Raises Broken."""
    while size:
        piece = source.read(min(size, CHUNK))
        if not piece:
            raise Broken("The move was interrupted.", "The other half ended in the middle of a file.")
        size -= len(piece)
        yield piece
