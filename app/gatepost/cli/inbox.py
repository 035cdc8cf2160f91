"""``gatepost inbox …``: the test inbox. What was captured, waiting for mail, release, clearing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..control.capture_schema import (
    MAX_WAIT_SECONDS,
    CapturedFilter,
    CapturedListRequest,
    CapturedPart,
    CapturedRow,
    OperateCapturedRequest,
)
from ..control.client import Client
from ..model.capture import INBOX
from ..model.errors import InvalidInput, Issue, NotFound
from .editing import add_dry_run, tell_saved
from .listing import save
from .output import Out, first_of, plural, size_text
from .session import confirm

_WORDS = {"release": "put into the spool, to be delivered", "delete": "deleted"}


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("trays", help="the trays and what they hold").set_defaults(run=trays)
    listing = actions.add_parser("list", help="what was captured, newest first")
    _add_selection(listing)
    listing.add_argument("--order", default="age", help="age, sender, subject or size")
    listing.add_argument("--ascending", action="store_true")
    listing.add_argument("--limit", type=int, default=100)
    listing.add_argument("--offset", type=int, default=0)
    listing.set_defaults(run=list_rows)
    waiting = actions.add_parser("wait", help="wait for a message; exit code 4 when none comes in time")
    for name, words in _CONDITIONS.items():
        waiting.add_argument(f"--{name}", default="", help=words)
    waiting.add_argument("--after", type=int, default=0, metavar="ID", help="only what comes after this one")
    waiting.add_argument("--timeout", type=float, default=10.0, help=f"seconds, at most {MAX_WAIT_SECONDS:g}")
    waiting.set_defaults(run=wait)
    showing = actions.add_parser("show", help="one message: envelope, text, parts")
    showing.add_argument("id", type=int, metavar="ID")
    showing.add_argument("--headers", action="store_true", help="all header fields")
    showing.add_argument("--html", action="store_true", help="the HTML as it stands, instead of the text")
    showing.set_defaults(run=show)
    exporting = actions.add_parser("export", help="save a message, or one part of it")
    exporting.add_argument("id", type=int, metavar="ID")
    exporting.add_argument("file", type=Path, help="a new file, such as message.eml")
    exporting.add_argument("--part", metavar="NUMBER", help="only this part, decoded; “show” lists them")
    exporting.set_defaults(run=export)
    releasing = actions.add_parser("release", help="deliver messages after all, by the routes or by one gateway")
    releasing.add_argument("--gateway", metavar="GATEWAY-ID", help="by this one instead of by the routes")
    releasing.add_argument("--to", dest="to_addresses", action="append", metavar="ADDRESS", help="to this address; one message")
    deleting = actions.add_parser("delete", help="delete messages")
    for acting, operation in ((releasing, "release"), (deleting, "delete")):
        _add_selection(acting)
        acting.add_argument("--everything", action="store_true", help="all captured mail")
        acting.add_argument("--yes", action="store_true")
        acting.set_defaults(run=operate, operation=operation)
    clearing = actions.add_parser("clear", help="delete all that a tray holds")
    clearing.add_argument("tray", nargs="?", default=INBOX)
    clearing.add_argument("--yes", action="store_true")
    clearing.set_defaults(run=clear)
    keeping = actions.add_parser("keep", help="how long captured mail is kept where its tray does not say")
    keeping.add_argument("--days", dest="keep_days", type=int)
    keeping.add_argument("--messages", dest="keep_messages", type=int)
    add_dry_run(keeping)
    keeping.set_defaults(run=keep)


_CONDITIONS = {
    "tray": "a tray's id",
    "to": "a recipient",
    "sender": "the sender, in the envelope or in From",
    "subject": "a part of the subject",
    "text": "anywhere in it",
    "listener": "the listener that captured it",
    "gateway": "the gateway that it was captured for",
    "user": "the relay user who sent it",
}


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", type=int, metavar="ID")
    for name in ("tray", "recipient", "sender", "subject", "text", "listener", "user"):
        parser.add_argument(f"--{name}", default="", help=_CONDITIONS.get(name, _CONDITIONS["to"]))
    parser.add_argument("--captured-for", dest="captured_for", metavar="GATEWAY-ID", default="", help=_CONDITIONS["gateway"])


def _filter(arguments: argparse.Namespace) -> CapturedFilter:
    names = ("tray", "recipient", "sender", "subject", "text", "listener", "user")
    given: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    return CapturedFilter(gateway=arguments.captured_for, ids=tuple(arguments.ids) if arguments.ids else None, **given)


async def trays(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.trays()
    if out.as_json:
        out.json(found)
        return
    out.table(
        ("TRAY", "NAME", "MESSAGES", "SIZE", "NEWEST", "KEEPS"),
        [
            (
                tray.id, tray.name + (" (removed)" if tray.is_gone else ""), f"{tray.count:,}", size_text(tray.size),
                out.when(tray.newest), f"{plural(tray.keep_days, 'day', 'days')}, {tray.keep_messages:,} messages",
            )
            for tray in found
        ],
        empty="",
    )  # fmt: skip


async def list_rows(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    request = CapturedListRequest(
        filter=_filter(arguments), order=arguments.order, descending=not arguments.ascending, offset=arguments.offset,
        limit=arguments.limit,
    )  # fmt: skip
    rows = await client.captured_list(request)
    if out.as_json:
        out.json(rows)
        return
    table = [
        (
            str(row.id), row.tray, out.when(row.received_at), row.sender or "<>", first_of(row.recipients, row.recipient_count),
            size_text(row.size), _marks(row), row.subject,
        )
        for row in rows
    ]  # fmt: skip
    out.table(("ID", "TRAY", "AGE", "FROM", "TO", "SIZE", "", "SUBJECT"), table, empty="Nothing was captured.")


def _marks(row: CapturedRow) -> str:
    return ", ".join(words for words, applies in (("copy", row.is_copy), ("released", row.released_at is not None)) if applies)


async def wait(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    query = {name: value for name in _CONDITIONS if (value := getattr(arguments, name))}
    found = await client.wait_for_captured(**query, after=arguments.after, timeout=arguments.timeout)
    if found.message is None:
        raise NotFound("No such message came in time.", f"Go on with --after {found.after}.")
    if out.as_json:
        out.json(found.message)
    else:
        row = found.message
        out.line(f"{row.id}  {row.sender or '<>'} → {first_of(row.recipients, row.recipient_count)}: {row.subject}")


async def show(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.captured_message(arguments.id)
    if out.as_json:
        out.json(found)
        return
    row = found.row
    out.pairs(
        [
            ("id", f"{row.id} (in tracking {row.queue_id})"), ("tray", row.tray),
            ("captured", f"{out.when(row.received_at)} by {row.by} {row.gateway or row.listener}"),
            ("from", row.sender or "<>"), ("to", ", ".join(one.address for one in found.envelope.recipients)),
            ("subject", row.subject), ("size", size_text(row.size)), ("client", row.client), ("user", row.user or "–"),
        ]
    )  # fmt: skip
    if arguments.headers:
        out.line()
        for header in found.headers:
            out.line(f"{header.name}: {header.value}")
    out.line()
    if found.problem:
        out.line(found.problem)
    out.text(found.html if arguments.html else found.text or found.html)
    parts = [*_flat(found.structure)] if found.structure is not None else []
    if len(parts) > 1:
        out.line()
        rows = [(part.number, part.content_type, size_text(part.size), part.filename) for part in parts]
        out.table(("PART", "KIND", "SIZE", "NAME"), rows, empty="")
    for address in found.remote:
        out.note(f"would load {address}")


def _flat(part: CapturedPart) -> list[CapturedPart]:
    if not part.parts:
        return [part]
    return [inner for child in part.parts for inner in _flat(child)]


async def export(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    if arguments.part:
        await save(client.captured_part(arguments.id, arguments.part), arguments.file, out)
    else:
        await save(client.captured_content(arguments.id), arguments.file, out)


async def operate(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    """The count is said before anything is done."""
    operation = arguments.operation
    addresses = getattr(arguments, "to_addresses", None)
    if addresses:
        if len(arguments.ids) != 1:
            raise InvalidInput([Issue("--to", "name the one message that goes there")])
        queue_id = await client.release_captured(arguments.ids[0], arguments.gateway, tuple(addresses))
        out.json({"queue_id": queue_id}) if out.as_json else out.line(f"It goes on as {queue_id}.")
        return
    gateway = arguments.gateway if operation == "release" else None
    request = OperateCapturedRequest(
        operation=operation, filter=_filter(arguments), everything=arguments.everything, gateway=gateway
    )
    count = await client.captured_operate(request.model_copy(update={"dry_run": True}))
    if count > 1 or (count and operation == "delete" and not arguments.ids):
        confirm(f"{plural(count, 'message', 'messages')} would be {_WORDS[operation]}. Go on?", yes=arguments.yes)
    done = await client.captured_operate(request) if count else 0
    out.json({"count": done}) if out.as_json else out.line(f"{plural(done, 'message', 'messages')} {_WORDS[operation]}.")


async def clear(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    chosen = CapturedFilter(tray=arguments.tray)
    if count := await client.captured_count(chosen):
        confirm(f"{plural(count, 'message', 'messages')} in {arguments.tray} would be deleted. Go on?", yes=arguments.yes)
    done = await client.clear_tray(arguments.tray)
    out.json({"count": done}) if out.as_json else out.line(f"{plural(done, 'message', 'messages')} deleted.")


async def keep(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    names = ("keep_days", "keep_messages")
    change = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if not change:
        found = (await client.section("inbox")).value
        out.json(found) if out.as_json else out.tree(found)
        return
    saved = await client.patch_section("inbox", change, dry_run=arguments.dry_run)
    tell_saved(saved, out, "It would be changed." if arguments.dry_run else "Changed.")
