"""``settings``, ``spam`` and ``virus``: show a section, set fields of it."""

from __future__ import annotations

import argparse

from ..control.client import Client
from .editing import add_dry_run, assigned, tell_saved
from .output import Out

_SUCH_AS = {"settings": "spool.delivery_delay_seconds=5", "spam": "spamd.enabled=true", "virus": "quarantine_days=14"}


def configure(parser: argparse.ArgumentParser, name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("show", help="every field").set_defaults(run=show, section=name)
    setting = actions.add_parser("set", help="change fields")
    words = f"a field by its dotted path, as “show” names it, such as {_SUCH_AS[name]}; JSON, or plain text"
    setting.add_argument("assignments", nargs="+", metavar="PATH=VALUE", help=words)
    add_dry_run(setting)
    setting.set_defaults(run=change, section=name)


async def show(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = (await client.section(arguments.section)).value
    out.json(found) if out.as_json else out.tree(found)


async def change(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    saved = await client.patch_section(arguments.section, assigned(arguments.assignments), dry_run=arguments.dry_run)
    tell_saved(saved, out, "It would be changed." if arguments.dry_run else "Changed.")
