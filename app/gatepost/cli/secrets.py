"""``secret`` and ``vault``: which passwords are stored, and where. Never what they are."""

from __future__ import annotations

import argparse

from ..control.client import Client
from .output import Out, plural
from .session import add_password_options, confirm, read_password


def configure(parser: argparse.ArgumentParser, name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    if name == "vault":
        actions.add_parser("status", help="which vault is used, and whether it works").set_defaults(run=vault)
        renewing = actions.add_parser("renew-key", help="seal all passwords anew under a new key of the sealed vault")
        renewing.add_argument("--yes", action="store_true")
        renewing.set_defaults(run=renew_key)
        return
    actions.add_parser("list", help="names of what is stored").set_defaults(run=list_secrets)
    setting = actions.add_parser("set", help="store or replace one")
    setting.add_argument("name", help="such as gateway/gw-1/password")
    add_password_options(setting, "the secret")
    setting.set_defaults(run=set_secret)
    removing = actions.add_parser("remove", help="forget one")
    removing.add_argument("name")
    removing.add_argument("--yes", action="store_true")
    removing.set_defaults(run=remove)


async def vault(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    state = await client.vault()
    if out.as_json:
        out.json(state)
        return
    pairs = [("vault", state.label or "none"), ("state", "usable" if state.usable else "failed")]
    out.pairs([*pairs, *(("", text) for text in (state.problem, state.hint) if text)])


async def renew_key(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    confirm("Make a new key? Copies of the old one will open nothing but old backups.", yes=arguments.yes)
    count = await client.renew_vault_key()
    if out.as_json:
        out.json({"count": count})
    else:
        out.line(
            f"{plural(count, 'password', 'passwords')} sealed under a new key. Keep a copy of the key file in a safe place."
        )


async def list_secrets(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.secrets()
    if out.as_json:
        out.json(found)
    else:
        rows = [(item.name, item.backend, out.when(item.stored_at)) for item in found]
        out.table(("NAME", "STORED IN", "WHEN"), rows, empty="Nothing is stored.")


async def set_secret(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    await client.set_secret(arguments.name, read_password("The secret", from_stdin=arguments.password_stdin))
    out.json({"done": True}) if out.as_json else out.line("Stored.")


async def remove(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    confirm(f"Forget {arguments.name}?", yes=arguments.yes)
    await client.delete_secret(arguments.name)
    out.json({"done": True}) if out.as_json else out.line("Forgotten.")
