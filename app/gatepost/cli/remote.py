"""``token`` and ``remote``: who may administer this relay from other machines, and how that stands."""

from __future__ import annotations

import argparse

from ..control.client import Client
from ..model.errors import NotFound
from .output import Out
from .session import confirm


def configure(parser: argparse.ArgumentParser, name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    if name == "remote":
        actions.add_parser("status", help="whether it is on, where, and the fingerprint to pin").set_defaults(run=status)
        renewing = actions.add_parser("renew-certificate", help="make a new certificate; every client must pin it anew")
        renewing.add_argument("--yes", action="store_true")
        renewing.set_defaults(run=renew)
        return
    actions.add_parser("list", help="names, and when each was last used").set_defaults(run=list_tokens)
    adding = actions.add_parser("add", help="make one; it is shown this once")
    adding.add_argument("name", help="who or what will use it, such as ann-laptop")
    adding.set_defaults(run=add)
    revoking = actions.add_parser("revoke", help="end one at once")
    revoking.add_argument("token", metavar="NAME", help="its name or id")
    revoking.add_argument("--yes", action="store_true")
    revoking.set_defaults(run=revoke)


async def status(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    from ..control.far import grouped

    found = await client.remote()
    if out.as_json:
        out.json(found)
        return
    state = "listening" if found.listening else "failed" if found.enabled else "off"
    pairs = [("remote administration", state)]
    if found.enabled:
        pairs += [
            ("address", f"{found.address} port {found.port}"),
            ("names", ", ".join(found.names)),
            ("fingerprint", found.fingerprint),
            ("", grouped(found.fingerprint)),
            ("certificate", f"{found.certificate_file}, expires {out.when(found.not_after)}"),
        ]
    pairs.append(("tokens", str(found.tokens)))
    out.pairs([*pairs, *(("", text) for text in (found.problem, found.hint) if text)])


async def renew(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    confirm("Make a new certificate? No client connects before it has pinned the new one.", yes=arguments.yes)
    await client.renew_remote_certificate()
    out.note("Renewed. “gatepost remote status” shows the new fingerprint.")


async def list_tokens(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.tokens()
    if out.as_json:
        out.json(found)
        return
    rows = [
        (one.name, out.when(one.created_at), one.created_by, out.when(one.last_used_at), one.last_address or "–", one.id)
        for one in found
    ]
    out.table(("NAME", "MADE", "BY", "LAST USED", "FROM", "ID"), rows, empty="There are no tokens: nobody gets in.")


async def add(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    made, secret = await client.make_token(arguments.name)
    if out.as_json:
        out.json({"token": made, "secret": secret.reveal()})
        return
    out.line(secret.reveal())
    out.note("Keep it now: it is never shown again. On the other machine: gatepost relay-list add NAME --host …")


async def revoke(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    wanted = arguments.token
    known = await client.tokens()
    found = next((one for one in known if wanted == one.id or wanted.casefold() == one.name.casefold()), None)
    if found is None:
        raise NotFound(f"There is no token “{wanted[:60]}”.", hint="“gatepost token list” names those that there are.")
    confirm(f"Revoke “{found.name}”? Whoever uses it is shut out at once.", yes=arguments.yes)
    await client.revoke_token(found.id)
    out.note("Revoked.")
