"""Domains, listeners, trusted networks, relay users, trays and fault rules: list, show, add, edit, remove, enable, disable."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from ..control.client import Client
from ..model.capture import FaultStage
from ..model.listener import ListenerMode, ListenerTls
from .editing import HANDLING, add_dry_run, add_set_option, assigned, handling, merged, tell_saved
from .output import Out, value_text
from .session import add_password_options, confirm, read_password


@dataclass(frozen=True, slots=True)
class Kind:
    """``fields``: option → (field, keyword arguments of argparse); ``columns``: what a list shows."""

    collection: str
    fields: dict[str, tuple[str, dict[str, Any]]]
    columns: tuple[str, ...]
    can_be_disabled: bool = True


_TEXT: dict[str, Any] = {}
KINDS = {
    "domain": Kind(
        "domains",
        {
            "--domain": ("domain", _TEXT),
            "--match": ("match", {"choices": ("sender", "recipient")}),
        },
        ("domain", "match", "route", "enabled"),
    ),
    "listener": Kind(
        "listeners",
        {
            "--address": ("address", _TEXT),
            "--port": ("port", {"type": int}),
            "--mode": ("mode", {"choices": [mode.value for mode in ListenerMode]}),
            "--tls": ("tls", {"choices": [tls.value for tls in ListenerTls]}),
            "--certificate-file": ("certificate_file", _TEXT),
            "--key-file": ("key_file", _TEXT),
            "--description": ("description", _TEXT),
            "--handling": ("handling", {"type": handling, "help": HANDLING}),
        },
        ("address", "port", "mode", "tls", "handling", "enabled", "description"),
    ),
    "network": Kind(
        "trusted-networks",
        {"--network": ("network", _TEXT), "--description": ("description", _TEXT)},
        ("network", "description"),
        can_be_disabled=False,
    ),
    "user": Kind(
        "users",
        {"--username": ("username", _TEXT), "--description": ("description", _TEXT)},
        ("username", "enabled", "has_password", "description"),
    ),
    "tray": Kind(
        "trays",
        {
            "--name": ("name", _TEXT),
            "--listener": ("listener", {"help": "only what came in by this listener"}),
            "--gateway": ("gateway", {"help": "only what would have left by this gateway"}),
            "--user": ("user", {"help": "only what this relay user sent"}),
            "--recipient": ("recipient", {"help": "only what has such a recipient; * stands for anything"}),
            "--keep-days": ("keep_days", {"type": int}),
            "--keep-messages": ("keep_messages", {"type": int}),
        },
        ("name", "listener", "gateway", "user", "recipient", "keep_days", "keep_messages"),
        can_be_disabled=False,
    ),
    "fault": Kind(
        "faults",
        {
            "--description": ("description", _TEXT),
            "--listener": ("listener", {"help": "only there; otherwise everywhere"}),
            "--stage": ("stage", {"choices": [stage.value for stage in FaultStage]}),
            "--sender": ("sender", {"help": "only for such a sender; * stands for anything"}),
            "--recipient": ("recipient", {"help": "only for such a recipient; * stands for anything"}),
            "--every": ("every", {"type": int, "metavar": "N", "help": "at every Nth occasion"}),
            "--first": ("first", {"type": int, "metavar": "N", "help": "only at the first N occasions"}),
            "--probability": ("probability", {"type": float, "help": "above 0, at most 1"}),
        },
        ("stage", "fault", "listener", "sender", "recipient", "every", "first", "probability", "enabled", "description"),
    ),
}


def configure(parser: argparse.ArgumentParser, name: str) -> None:
    kind = KINDS[name]
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("list", help="all of them").set_defaults(run=list_objects, kind=kind)
    for action, words, run in (("show", "every field", show), ("edit", "change fields", edit), ("remove", "remove it", remove)):
        added = actions.add_parser(action, help=words)
        added.add_argument("id")
        added.set_defaults(run=run, kind=kind)
        if action == "edit":
            _add_fields(added, kind)
        if action == "remove":
            added.add_argument("--yes", action="store_true")
        if action != "show":
            add_dry_run(added)
    adding = actions.add_parser("add", help="add one")
    _add_fields(adding, kind)
    add_dry_run(adding)
    adding.set_defaults(run=add, kind=kind)
    if kind.can_be_disabled:
        for word, enabled in (("enable", True), ("disable", False)):
            switching = actions.add_parser(word, help=f"{word} it")
            switching.add_argument("id")
            switching.set_defaults(run=switch, kind=kind, enabled=enabled)
    if name == "user":
        add_password_options(adding, "the password")
        changing = actions.add_parser("passwd", help="set the password")
        changing.add_argument("id")
        add_password_options(changing, "the password")
        changing.set_defaults(run=passwd, kind=kind)


def _add_fields(parser: argparse.ArgumentParser, kind: Kind) -> None:
    for option, (field, how) in kind.fields.items():
        parser.add_argument(option, dest=f"field_{field}", **how)
    if kind.collection == "domains":
        parser.add_argument("--via", metavar="ROUTE", help="direct, round-robin, or a gateway's id")
        parser.add_argument(
            "--when-resting", choices=("wait", "round-robin", "direct"), help="while the named gateway rests (wait)"
        )
    if kind.collection == "faults":
        happening = parser.add_mutually_exclusive_group()
        happening.add_argument("--refuse", metavar="REPLY", help="answer with a reply, such as “450 4.2.1 Mailbox busy”")
        happening.add_argument("--delay", type=float, metavar="SECONDS", help="answer late")
        happening.add_argument("--drop", action="store_true", help="drop the connection")
    add_set_option(parser)


def _given(arguments: argparse.Namespace, kind: Kind) -> dict[str, Any]:
    names = [field for field, _ in kind.fields.values()]
    found = {name: value for name in names if (value := getattr(arguments, f"field_{name}")) is not None}
    if (via := getattr(arguments, "via", None)) is not None:
        if via in ("direct", "round-robin"):
            found["route"] = {"via": via}
        else:
            found["route"] = {"via": "gateway", "gateway": via}
    if (resting := getattr(arguments, "when_resting", None)) is not None:
        found["route"] = {**found.get("route", {}), "when_resting": resting}
    if kind.collection == "faults":
        found |= _fault(arguments)
    return merged(found, assigned(arguments.assignments))


def _fault(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.refuse is not None:
        code, _, text = arguments.refuse.partition(" ")
        return {
            "fault": {"action": "refuse", "code": int(code) if code.isdecimal() else code} | ({"text": text} if text else {})
        }
    if arguments.delay is not None:
        return {"fault": {"action": "delay", "seconds": arguments.delay}}
    return {"fault": {"action": "drop"}} if arguments.drop else {}


async def list_objects(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    kind: Kind = arguments.kind
    rows = (await client.objects(kind.collection)).value
    if out.as_json:
        out.json(rows)
        return
    out.table(
        ("ID", *(column.upper().replace("_", " ") for column in kind.columns)),
        [(row["id"], *(_cell(row[column]) for column in kind.columns)) for row in rows],
        empty="There are none yet.",
    )


def _cell(value: Any) -> str:
    if isinstance(value, dict) and "via" in value:
        return str(value.get("gateway", value["via"]))
    if isinstance(value, dict) and "action" in value:
        rest = [str(value[name]) for name in ("code", "seconds", "address") if name in value]
        return " ".join([value["action"], *rest])
    return value_text(value)


async def show(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = (await client.object(arguments.kind.collection, arguments.id)).value
    out.json(found) if out.as_json else out.tree(found)


async def add(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    kind: Kind = arguments.kind
    draft = _given(arguments, kind)
    if kind.collection == "users":
        secret = read_password("The password", from_stdin=arguments.password_stdin)
        saved = await client.add("users", draft, dry_run=arguments.dry_run)
        if not arguments.dry_run:
            await client.set_user_password(saved.object["id"], secret)
    else:
        saved = await client.add(kind.collection, draft, dry_run=arguments.dry_run)
    tell_saved(saved, out, "It would be added." if arguments.dry_run else f"Added {saved.object['id']}.")


async def edit(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    kind: Kind = arguments.kind
    current = await client.object(kind.collection, arguments.id)
    change = _given(arguments, kind)
    saved = await client.patch(kind.collection, arguments.id, change, revision=current.revision, dry_run=arguments.dry_run)
    tell_saved(saved, out, "It would be changed." if arguments.dry_run else f"Changed {arguments.id}.")


async def remove(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    if not arguments.dry_run:
        confirm(f"Remove {arguments.id}?", yes=arguments.yes)
    saved = await client.remove(arguments.kind.collection, arguments.id, dry_run=arguments.dry_run)
    tell_saved(saved, out, "It would be removed." if arguments.dry_run else f"Removed {arguments.id}.")


async def switch(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    saved = await client.patch(arguments.kind.collection, arguments.id, {"enabled": arguments.enabled})
    tell_saved(saved, out, f"{arguments.id}: enabled: {value_text(arguments.enabled)}.")


async def passwd(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    secret = read_password("The password", from_stdin=arguments.password_stdin)
    tell_saved(await client.set_user_password(arguments.id, secret), out, "The password is set.")
