"""What travels between the two halves: a line of JSON each, after some of them so many octets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from ..model.errors import Conflict, GatepostError, Unavailable

VERSION = 1
CHUNK = 1 << 20
MAX_LINE = 1 << 20

Frame = dict[str, Any]


class Broken(Unavailable):
    """The other half is gone, or says what nobody understands."""

    code = "move-broken"


def write(out: IO[bytes], frame: Frame) -> None:
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
        frame: Frame = json.loads(line)
        if not isinstance(frame, dict):
            raise TypeError
    except (ValueError, TypeError):
        raise Broken("The move was interrupted.", "The other half ended before it was done.") from None
    if "error" in frame:
        told = frame["error"]
        kind = Conflict if told.get("exit_code") == Conflict.exit_code else GatepostError
        error = kind(str(told["title"]), str(told.get("detail", "")), str(told.get("hint", "")))
        error.code, error.exit_code = str(told.get("code", "error")), int(told.get("exit_code", 1))
        raise error
    return frame


def error_frame(error: GatepostError) -> Frame:
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
