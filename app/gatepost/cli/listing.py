"""What the commands share that list mail and save it."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from pathlib import Path

from .output import Out


def add_list_options(parser: argparse.ArgumentParser, orders: str) -> None:
    """``orders``: the columns that a list can be sorted by, in words."""
    parser.add_argument("--order", default="age", help=orders)
    parser.add_argument("--descending", action="store_true")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--offset", type=int, default=0)


async def save(content: AsyncIterator[bytes], path: Path, out: Out) -> None:
    """Into a new file; none is left behind when the content does not come. Raises FileExistsError."""
    first = await anext(content, b"")  # what does not exist makes no file
    with path.open("xb") as file:
        try:
            file.write(first)
            async for chunk in content:
                file.write(chunk)
        except BaseException:
            path.unlink()  # noqa: ASYNC240 - a command has its loop to itself
            raise
    out.json({"file": str(path)}) if out.as_json else out.line(f"Saved as {path}.")
