"""``gatepost dkim …``: keys that our users' mail is signed with, and the DNS records that belong to them."""

from __future__ import annotations

import argparse
from typing import Any

from ..control.client import Client
from ..model.dkim import DkimAlgorithm, DkimKey
from ..model.report import DkimState
from .editing import add_dry_run, tell_saved
from .exit_codes import ExitCode
from .output import Out, value_text
from .session import confirm

COLLECTION = "dkim-keys"
_STRING = 255
"""Octets of one character string of a TXT record (RFC 1035 §3.3.14)."""


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    creating = actions.add_parser("create", help="make a key for a domain and show the DNS record to publish")
    creating.add_argument("domain")
    creating.add_argument("--selector", default="gatepost")
    creating.add_argument(
        "--algorithm", choices=[algorithm.value for algorithm in DkimAlgorithm], default=DkimAlgorithm.RSA_2048.value
    )
    creating.add_argument("--enable", action="store_true", help="sign at once, before the record is published")
    add_dry_run(creating)
    creating.set_defaults(run=create)
    actions.add_parser("list", help="all keys").set_defaults(run=list_keys)
    for action, words, run in (
        ("show", "one key and its DNS record", show),
        ("check", "compare what DNS publishes with the key", check),
        ("remove", "remove a key; its private half is forgotten", remove),
    ):
        added = actions.add_parser(action, help=words)
        added.add_argument("id")
        added.set_defaults(run=run)
        if action == "remove":
            added.add_argument("--yes", action="store_true")
    enabling = actions.add_parser("enable", help="sign with it, once DNS publishes it")
    enabling.add_argument("id")
    enabling.add_argument("--unchecked", action="store_true", help="do not look into DNS first")
    enabling.set_defaults(run=enable)
    disabling = actions.add_parser("disable", help="sign with it no more")
    disabling.add_argument("id")
    disabling.set_defaults(run=disable)


async def create(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    data = {
        "domain": arguments.domain, "selector": arguments.selector, "algorithm": arguments.algorithm,
        "enabled": arguments.enable,
    }  # fmt: skip
    saved = await client.add(COLLECTION, data, dry_run=arguments.dry_run)
    if out.as_json:
        out.json({**saved.model_dump(mode="json"), **({} if arguments.dry_run else _record(saved.object))})
        return
    if arguments.dry_run:
        out.line("It would be made.")
        return
    key = DkimKey.model_validate(saved.object)
    out.line(f"Made {key.id}. Publish this TXT record in the DNS of {key.domain}:")
    _print_record(key, out)
    if not key.enabled:
        out.line(f"Then: gatepost dkim enable {key.id}")


async def list_keys(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    rows = (await client.objects(COLLECTION)).value
    if out.as_json:
        out.json([{**row, **_record(row)} for row in rows])
        return
    out.table(
        ("ID", "DOMAIN", "SELECTOR", "ALGORITHM", "SIGNS"),
        [(row["id"], row["domain"], row["selector"], row["algorithm"], value_text(row["enabled"])) for row in rows],
        empty="There are none yet.",
    )


async def show(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = (await client.object(COLLECTION, arguments.id)).value
    if out.as_json:
        out.json({**found, **_record(found)})
        return
    key = DkimKey.model_validate(found)
    out.pairs(
        [
            ("id", key.id), ("domain", key.domain), ("selector", key.selector), ("algorithm", key.algorithm.value),
            ("signs", value_text(key.enabled)),
        ]
    )  # fmt: skip
    _print_record(key, out)


async def check(arguments: argparse.Namespace, client: Client, out: Out) -> int:
    found = await client.check_dkim_key(arguments.id)
    if out.as_json:
        out.json(found)
    else:
        out.line(found.text)
        if found.state is not DkimState.PUBLISHED:
            out.line(f"expected at {found.record_name}: {found.record_text}")
            for record in found.found:
                out.line(f"found: {record}")
    return ExitCode.DONE if found.state is DkimState.PUBLISHED else ExitCode.ERROR


async def enable(arguments: argparse.Namespace, client: Client, out: Out) -> int:
    if not arguments.unchecked:
        found = await client.check_dkim_key(arguments.id)
        if found.state is not DkimState.PUBLISHED:
            out.note(
                f"{found.text} Mail that is signed with it could not be verified. Say --unchecked to enable it all the same."
            )
            if out.as_json:
                out.json(found)
            return ExitCode.ERROR
    saved = await client.patch(COLLECTION, arguments.id, {"enabled": True})
    tell_saved(saved, out, f"{arguments.id} signs from now on.")
    return ExitCode.DONE


async def disable(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    saved = await client.patch(COLLECTION, arguments.id, {"enabled": False})
    tell_saved(saved, out, f"{arguments.id} signs no more.")


async def remove(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    confirm(f"Remove {arguments.id} and forget its private key?", yes=arguments.yes)
    saved = await client.remove(COLLECTION, arguments.id)
    tell_saved(saved, out, f"Removed {arguments.id}. Leave its DNS record for some days: mail under way is verified with it.")


def _record(data: Any) -> dict[str, str]:
    key = DkimKey.model_validate(data)
    return {"record_name": key.record_name, "record_text": key.record_text}


def _print_record(key: DkimKey, out: Out) -> None:
    """As a line of a zone file, where long texts stand in pieces; web forms of DNS hosts take the text whole."""
    text = key.record_text
    pieces = " ".join(f'"{text[start : start + _STRING]}"' for start in range(0, len(text), _STRING))
    out.line()
    out.line(f"  name   {key.record_name}")
    out.line(f"  value  {text}")
    out.line(f"  zone   {key.record_name}. IN TXT ( {pieces} )")
    out.line()
