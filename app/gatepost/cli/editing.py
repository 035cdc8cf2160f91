"""What commands that change an object share: ``--set path=value``, whose result is told, and how."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

from ..control.schema import Saved
from ..model.errors import InvalidInput, Issue
from .output import Out


def add_set_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", dest="assignments", metavar="PATH=VALUE", action="append", default=[],
        help="any field by its dotted path, as “show” names it; JSON, or plain text",
    )  # fmt: skip


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")


def assigned(assignments: Iterable[str]) -> dict[str, Any]:
    """A nested object from ``path=value`` texts. Raises InvalidInput for what has no “=”."""
    found: dict[str, Any] = {}
    for text in assignments:
        path, equals, value = text.partition("=")
        if not equals or not path:
            raise InvalidInput([Issue(path or "--set", "write it as path=value")])
        target = found
        *parents, last = path.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise InvalidInput([Issue(path, f"{parent} is a value of its own already")])
        target[last] = plain_value(value)
    return found


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Objects within objects, too."""
    result = dict(base)
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def handling(text: str) -> dict[str, str]:
    """For argparse: ``deliver``, ``capture``, ``capture-and-deliver`` or ``redirect:ADDRESS``."""
    action, colon, address = text.partition(":")
    if action == "redirect" and address:
        return {"action": action, "address": address}
    if action in ("deliver", "capture", "capture-and-deliver") and not colon:
        return {"action": action}
    raise argparse.ArgumentTypeError("write deliver, capture, capture-and-deliver or redirect:ADDRESS")


HANDLING = "what happens to its mail: deliver, capture, capture-and-deliver or redirect:ADDRESS"


def plain_value(text: str) -> Any:
    """JSON where it is JSON (numbers, true, null, lists), else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def tell_saved(saved: Saved, out: Out, words: str) -> None:
    if out.as_json:
        out.json(saved)
        return
    out.line(words)
    for move in saved.moves:
        out.line(f"  {move.count:,} queued: {move.before} → {move.after}")
    for warning in saved.warnings:
        out.styled(("! ", "warning"), (warning, ""))
