"""``track``, ``explain``, ``send-test`` and ``verdicts``."""

from __future__ import annotations

import argparse

from ..control.client import Client
from ..control.tracking_schema import ExplainRequest, Timeline, TrackRequest
from .exit_codes import ExitCode
from .output import Out, first_of, plural


def configure(parser: argparse.ArgumentParser, name: str) -> None:
    if name == "track":
        parser.add_argument("text", nargs="?", default="", help="queue id, address, Message-ID, or words of subject or reply")
        for option in ("sender", "recipient", "subject", "reply"):
            parser.add_argument(f"--{option}", default=None if option == "sender" else "")
        parser.add_argument(
            "--state", choices=("waiting", "deferred", "quarantined", "delivered", "bounced", "deleted", "captured")
        )
        parser.add_argument("--limit", type=int, default=20)
        parser.add_argument("--dialogue", action="store_true", help="with both sides of each SMTP dialogue")
        parser.set_defaults(run=track)
    elif name == "explain":
        parser.add_argument("sender")
        parser.add_argument("recipient")
        parser.add_argument("--client", default="", help="the client's IP address")
        parser.add_argument("--user", default="", help="a relay user who signed in")
        parser.set_defaults(run=explain)
    elif name == "send-test":
        parser.add_argument("--from", dest="sender", required=True)
        parser.add_argument("--to", dest="recipient", required=True)
        parser.add_argument("--gateway", help="by this gateway only")
        parser.set_defaults(run=send_test)
    else:
        actions = parser.add_subparsers(title="actions", metavar="ACTION")
        listing = actions.add_parser("list", help="recipients that were asked about")
        listing.add_argument("text", nargs="?", default="")
        listing.add_argument("--gateway", default="")
        listing.set_defaults(run=verdicts)
        flushing = actions.add_parser("flush", help="forget verdicts")
        flushing.add_argument("--gateway", default="")
        flushing.add_argument("--address", default="")
        flushing.set_defaults(run=flush)


async def track(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    page = await client.track(
        TrackRequest(
            text=arguments.text, sender=arguments.sender, recipient=arguments.recipient, subject=arguments.subject,
            reply=arguments.reply, state=arguments.state, limit=arguments.limit,
        )
    )  # fmt: skip
    if len(page.messages) == 1:
        story = await client.timeline(page.messages[0].queue_id)
        out.json(story) if out.as_json else _tell(story, out, dialogue=arguments.dialogue)
        return
    if out.as_json:
        out.json(page)
        return
    rows = [
        (
            m.queue_id, m.state, out.when(m.received_at), m.sender or "<>",
            first_of([r.address for r in m.recipients], m.recipient_count),
            m.subject,
        )
        for m in page.messages
    ]  # fmt: skip
    out.table(("ID", "STATE", "RECEIVED", "FROM", "TO", "SUBJECT"), rows, empty="No message matches.", states=["STATE"])


def _tell(story: Timeline, out: Out, *, dialogue: bool) -> None:
    import time

    message = story.message
    out.pairs(
        [("id", message.queue_id), ("state", message.state), ("from", message.sender or "<>"), ("subject", message.subject),
         ("client", message.client or "–")]
    )  # fmt: skip
    out.line()
    for entry in story.entries:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
        out.line(f"{moment}  {entry.kind:9}  {' '.join(filter(None, (entry.recipient, entry.text)))}")
        if way := (entry.data or {}).get("way"):
            out.line(f"{'':32}by {way}")
        if dialogue and entry.data and isinstance(entry.data.get("dialogue"), list):
            for line in entry.data["dialogue"]:
                out.line(f"                       {line}")


async def explain(arguments: argparse.Namespace, client: Client, out: Out) -> int:
    request = ExplainRequest(
        sender=arguments.sender, recipient=arguments.recipient, client=arguments.client, user=arguments.user
    )
    found = await client.explain(request)
    if out.as_json:
        out.json(found)
    else:
        for step in found.steps:
            out.line(f"{step.verdict:12}  {step.text}")
        for number, hop in enumerate(found.hops, start=1):
            out.line(f"{'':12}  {number}. {hop}")
    return ExitCode.DONE if found.accepted else ExitCode.ERROR


async def send_test(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    queue_id = await client.send_test(arguments.sender, arguments.recipient, arguments.gateway)
    if out.as_json:
        out.json({"queue_id": queue_id})
    else:
        out.line(f"Queued as {queue_id}. “gatepost track {queue_id}” tells its story.")


async def verdicts(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found = await client.verdicts(arguments.text, arguments.gateway)
    if out.as_json:
        out.json(found)
        return
    rows = [(v.address, v.state, v.source, out.when(v.fetched_at), v.reason) for v in found]
    out.table(("ADDRESS", "STATE", "SOURCE", "ASKED", "REASON"), rows, empty="Nothing is remembered.")


async def flush(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    count = await client.forget_verdicts(arguments.gateway, arguments.address)
    out.json({"count": count}) if out.as_json else out.line(f"{plural(count, 'verdict', 'verdicts')} forgotten.")
