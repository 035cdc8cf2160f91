"""``gatepost spool …``: mail that waits, and what a person can do about it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..control.client import Client
from ..control.spool_schema import Filter, ListRequest, OperateRequest
from ..model.report import SpoolOperation
from .listing import add_list_options, save
from .output import Out, first_of, plural, size_text
from .session import confirm

_WORDS = {
    SpoolOperation.RETRY: "tried again now",
    SpoolOperation.HOLD: "held",
    SpoolOperation.RELEASE: "released",
    SpoolOperation.REROUTE: "sent another way",
    SpoolOperation.PRIORITY: "given another priority",
    SpoolOperation.FAIL: "given up, their senders told",
    SpoolOperation.DELETE: "deleted, their senders not told",
}


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    listing = actions.add_parser("list", help="what waits, and for what")
    _add_selection(listing)
    add_list_options(listing, "age, size, sender, subject, next-attempt, attempts or state")
    listing.set_defaults(run=list_rows)
    actions.add_parser("counts", help="how much waits, by state").set_defaults(run=counts)
    showing = actions.add_parser("show", help="one message with all its recipients")
    showing.add_argument("queue_id")
    showing.set_defaults(run=show)
    exporting = actions.add_parser("export", help="save a message as received")
    exporting.add_argument("queue_id")
    exporting.add_argument("file", type=Path, help="a new file, such as message.eml")
    exporting.set_defaults(run=export)
    for operation, words in _WORDS.items():
        acting = actions.add_parser(operation.value, help=f"have deliveries {words}")
        _add_selection(acting)
        acting.add_argument("--everything", action="store_true", help="the whole spool")
        acting.add_argument("--yes", action="store_true")
        if operation is SpoolOperation.REROUTE:
            acting.add_argument("--via", metavar="GATEWAY", help="a gateway's id; without it, by the routes again")
        if operation is SpoolOperation.PRIORITY:
            acting.add_argument("--priority", type=int, required=True)
        if operation in (SpoolOperation.HOLD, SpoolOperation.FAIL):
            acting.add_argument("--reason", default="")
        acting.set_defaults(run=operate, operation=operation)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queue_ids", nargs="*", metavar="QUEUE-ID")
    parser.add_argument("--state", choices=("waiting", "deferred", "held"))
    for name in ("lane", "gateway", "sender", "recipient", "subject", "reply", "text"):
        parser.add_argument(f"--{name}", default="")


def _filter(arguments: argparse.Namespace) -> Filter:
    given: dict[str, Any] = {
        name: getattr(arguments, name) for name in ("lane", "gateway", "sender", "recipient", "subject", "reply", "text")
    }
    if arguments.queue_ids:
        given["queue_ids"] = tuple(arguments.queue_ids)
    return Filter(state=arguments.state, **given)


async def counts(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.spool_counts()
    if out.as_json:
        out.json(found)
    else:
        out.pairs([(name, f"{getattr(found, name):,}") for name in ("waiting", "deferred", "held", "total")])


async def list_rows(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    request = ListRequest(
        filter=_filter(arguments), order=arguments.order, descending=arguments.descending, offset=arguments.offset,
        limit=arguments.limit,
    )  # fmt: skip
    rows = await client.spool_list(request)
    if out.as_json:
        out.json(rows)
        return
    table = [
        (
            row.queue_id, row.state, out.when(row.received_at), row.sender or "<>",
            first_of(row.recipients, row.recipient_count),
            size_text(row.size), str(row.attempts), out.when(row.due_at), row.hold or row.waiting or row.last_reply or row.lane,
        )
        for row in rows
    ]  # fmt: skip
    columns = ("ID", "STATE", "AGE", "FROM", "TO", "SIZE", "ATTEMPTS", "NEXT", "WAITS FOR")
    out.table(columns, table, empty="Nothing waits.", states=["STATE"])


async def show(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.spool_message(arguments.queue_id)
    if out.as_json:
        out.json(found)
        return
    out.pairs(
        [
            ("id", found.queue_id), ("from", found.envelope.sender or "<>"), ("subject", found.subject),
            ("size", size_text(found.size)), ("received", out.when(found.received_at)), ("message-id", found.message_id_header),
        ]
    )  # fmt: skip
    for delivery in found.deliveries:
        out.line()
        out.line(f"by {delivery.lane}: {delivery.state} {delivery.hold or delivery.waiting}".rstrip())
        rows = [(item.address, item.state, item.last_reply) for item in delivery.recipients]
        out.table(("RECIPIENT", "STATE", "LAST REPLY"), rows, empty="", states=["STATE"])


async def export(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    await save(client.spool_content(arguments.queue_id), arguments.file, out)


async def operate(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    """The count is said before anything is done."""
    operation: SpoolOperation = arguments.operation
    request = OperateRequest(
        operation=operation,
        filter=_filter(arguments),
        everything=arguments.everything,
        gateway=getattr(arguments, "via", None),
        priority=getattr(arguments, "priority", None),
        reason=getattr(arguments, "reason", ""),
    )
    count = await client.operate(request.model_copy(update={"dry_run": True}))
    many = plural(count, "delivery", "deliveries")
    if count and (count > 1 or operation in (SpoolOperation.DELETE, SpoolOperation.FAIL)):
        confirm(f"{many} would be {_WORDS[operation]}. Go on?", yes=arguments.yes)
    done = await client.operate(request) if count else 0
    out.json({"count": done}) if out.as_json else out.line(f"{plural(done, 'delivery', 'deliveries')} {_WORDS[operation]}.")
