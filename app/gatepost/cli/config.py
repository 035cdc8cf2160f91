"""``gatepost config …``: the configuration as a whole."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..control.client import Client
from ..control.schema import Difference, SavedDifferences
from ..model.errors import InvalidInput, Issue
from .editing import add_dry_run, tell_saved
from .output import Out, value_text


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("export", help="as JSON, without secrets").set_defaults(run=export)
    importing = actions.add_parser("import", help="replace it by an export")
    importing.add_argument("file", type=Path, help="“-” reads standard input")
    add_dry_run(importing)
    importing.set_defaults(run=import_)
    actions.add_parser("revisions", help="who changed it when").set_defaults(run=revisions)
    showing = actions.add_parser("show", help="an earlier state, or the present one")
    showing.add_argument("number", type=int, nargs="?")
    showing.set_defaults(run=show)
    differing = actions.add_parser("diff", help="what changed since a revision")
    differing.add_argument("number", type=int)
    differing.add_argument("--to", type=int)
    differing.set_defaults(run=diff)
    restoring = actions.add_parser("restore", help="bring a revision back")
    restoring.add_argument("number", type=int)
    add_dry_run(restoring)
    restoring.set_defaults(run=restore)


async def export(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    out.raw(json.dumps(await client.export(), ensure_ascii=False, indent=2) + "\n")


async def import_(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    content = sys.stdin.buffer.read() if str(arguments.file) == "-" else arguments.file.read_bytes()
    try:
        document = json.loads(content.decode())
    except ValueError as error:
        raise InvalidInput([Issue("file", f"it is not JSON: {error}")]) from error
    except RecursionError:
        raise InvalidInput([Issue("file", "it is nested too deeply")]) from None
    saved = await client.import_document(document, dry_run=arguments.dry_run)
    tell_differences(saved, out, "It would change:" if arguments.dry_run else "Imported.")


async def revisions(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.revisions()
    if out.as_json:
        out.json(found)
    else:
        rows = [(str(item.number), out.when(item.at), item.author, item.note) for item in found]
        out.table(("REVISION", "WHEN", "BY", "NOTE"), rows, empty="Nothing was ever saved.")


async def show(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.revision(arguments.number) if arguments.number is not None else (await client.configuration()).value
    out.json(found) if out.as_json else out.tree(found)


async def diff(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.difference(arguments.number, arguments.to)
    out.json(found) if out.as_json else _list(found, out)


async def restore(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    saved = await client.restore(arguments.number, dry_run=arguments.dry_run)
    tell_differences(saved, out, "It would change:" if arguments.dry_run else f"Revision {arguments.number} is back.")


def tell_differences(saved: SavedDifferences, out: Out, words: str) -> None:
    tell_saved(saved, out, words)
    if not out.as_json:
        _list(saved.differences, out)
        for name in saved.missing_secrets:
            out.styled(("! ", "warning"), (f"no secret is stored for {name}", ""))


def _list(differences: tuple[Difference, ...], out: Out) -> None:
    if not differences:
        out.note("Nothing differs.")
    for item in differences:
        out.line(f"  {item.path}: {value_text(item.before)} → {value_text(item.after)}")
