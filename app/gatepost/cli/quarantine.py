"""``gatepost quarantine …``: what inspection holds, why, and what becomes of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..control.client import Client
from ..control.spool_schema import QuarantineFilter, QuarantineListRequest, QuarantineOperateRequest, ScorePart
from ..model.report import QuarantineOperation
from .listing import add_list_options, save
from .output import Out, first_of, plural, size_text
from .session import confirm

_WORDS = {
    QuarantineOperation.RELEASE: "released",
    QuarantineOperation.RELEASE_AND_ALLOW: "released, and mail from their senders scored no more",
    QuarantineOperation.DELETE: "deleted, their senders not told",
}


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    listing = actions.add_parser("list", help="what is in quarantine, and why")
    _add_selection(listing)
    add_list_options(listing, "age, score, sender, subject, size or expires")
    listing.set_defaults(run=list_rows)
    showing = actions.add_parser("show", help="one message: the arithmetic of its score, source by source")
    showing.add_argument("queue_id", metavar="QUEUE-ID")
    showing.set_defaults(run=show)
    exporting = actions.add_parser("export", help="save a message as it stands in quarantine")
    exporting.add_argument("queue_id", metavar="QUEUE-ID")
    exporting.add_argument("file", type=Path, help="a new file, such as message.eml")
    exporting.set_defaults(run=export)
    releasing = actions.add_parser("release", help="deliver messages after all")
    releasing.add_argument("--allow-sender", action="store_true", help="score mail from their senders no more")
    deleting = actions.add_parser("delete", help="delete messages without a word to their senders")
    for acting, operation in ((releasing, QuarantineOperation.RELEASE), (deleting, QuarantineOperation.DELETE)):
        _add_selection(acting)
        acting.add_argument("--everything", action="store_true", help="the whole quarantine")
        acting.add_argument("--yes", action="store_true")
        acting.set_defaults(run=operate, operation=operation)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queue_ids", nargs="*", metavar="QUEUE-ID")
    parser.add_argument("--kind", choices=("spam", "virus"))
    parser.add_argument("--level", choices=("none", "low", "medium", "high"), default="")
    for name in ("gateway", "sender", "recipient", "subject", "text"):
        parser.add_argument(f"--{name}", default="")
    for name in ("min_score", "max_score"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float)


def _filter(arguments: argparse.Namespace) -> QuarantineFilter:
    names = ("kind", "level", "gateway", "sender", "recipient", "subject", "text", "min_score", "max_score")
    given: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    return QuarantineFilter(queue_ids=tuple(arguments.queue_ids) if arguments.queue_ids else None, **given)


async def list_rows(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    request = QuarantineListRequest(
        filter=_filter(arguments), order=arguments.order, descending=arguments.descending, offset=arguments.offset,
        limit=arguments.limit,
    )  # fmt: skip
    rows = await client.quarantine_list(request)
    if out.as_json:
        out.json(rows)
        return
    table = [
        (
            row.queue_id, row.kind, "–" if row.score is None else f"{row.score:.1f}", out.when(row.received_at),
            row.sender or "<>", first_of(row.recipients, row.recipient_count), size_text(row.size), out.when(row.expires_at),
            row.subject,
        )
        for row in rows
    ]  # fmt: skip
    columns = ("ID", "KIND", "SCORE", "AGE", "FROM", "TO", "SIZE", "ENDS", "SUBJECT")
    out.table(columns, table, empty="Nothing is in quarantine.")


async def show(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.quarantine_entry(arguments.queue_id)
    if out.as_json:
        out.json(found)
        return
    row = found.row
    out.pairs(
        [
            ("id", row.queue_id), ("why", row.reason), ("from", row.sender or "<>"), ("to", ", ".join(found.recipients)),
            ("subject", row.subject), ("size", size_text(row.size)), ("received", out.when(row.received_at)),
            ("ends", out.when(row.expires_at)), ("gateway", row.gateway or "–"), ("client", found.client),
            ("said it is", found.helo), ("message-id", found.message_id_header),
        ]
    )  # fmt: skip
    if found.parts:
        out.line()
        out.table(("SOURCE", "POINTS", "NOTE"), [(part.source, _points(part), part.note) for part in found.parts], empty="")
        out.line(f"level {row.level}, score {row.score:.1f}" if row.score is not None else "")


def _points(part: ScorePart) -> str:
    return "failed" if part.failed else f"{part.points:+.1f}"


async def export(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    await save(client.quarantine_content(arguments.queue_id), arguments.file, out)


async def operate(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    """The count is said before anything is done."""
    operation: QuarantineOperation = arguments.operation
    if getattr(arguments, "allow_sender", False):
        operation = QuarantineOperation.RELEASE_AND_ALLOW
    request = QuarantineOperateRequest(operation=operation, filter=_filter(arguments), everything=arguments.everything)
    count = await client.quarantine_operate(request.model_copy(update={"dry_run": True}))
    if count and (count > 1 or operation is QuarantineOperation.DELETE):
        confirm(f"{plural(count, 'message', 'messages')} would be {_WORDS[operation]}. Go on?", yes=arguments.yes)
    done = await client.quarantine_operate(request) if count else 0
    out.json({"count": done}) if out.as_json else out.line(f"{plural(done, 'message', 'messages')} {_WORDS[operation]}.")
