"""``gatepost alarms``: trouble that has lasted, and a test of the notice by mail."""

from __future__ import annotations

import argparse

from ..control.client import Client
from .output import Out


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("list", help="what is wrong, since when, and when it was told").set_defaults(run=listing)
    actions.add_parser("test", help="send a test notice to whom the settings name").set_defaults(run=test)


async def listing(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.alarms()
    if out.as_json:
        out.json(found)
        return
    rows = [(out.when(one.since), out.when(one.mailed_at), " ".join(filter(None, (one.title, one.detail)))) for one in found]
    out.table(("SINCE", "TOLD", "WHAT"), rows, empty="Nothing is wrong.")


async def test(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    queue_ids = await client.test_alarm()
    if out.as_json:
        out.json({"queue_ids": queue_ids})
    else:
        out.line(f"Sent as {', '.join(queue_ids)}. “gatepost track {queue_ids[0]}” tells what becomes of it.")
