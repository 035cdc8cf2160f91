"""The relay itself: ``status``, ``start``, ``stop``, ``pause``, ``resume``, ``shut-down``, ``events``, ``metrics``."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import Any

from ..control.client import Client, Lost
from ..control.schema import EventMessage, Snapshot, Status
from ..model.report import GatewayReport, NotDelivering, Total
from .output import Out, plural, value_text

_DONE = {
    "start": "The relay takes and delivers mail.",
    "stop": "The relay takes and delivers no mail. “gatepost start” opens it again.",
    "pause": "Mail is taken, none is delivered. “gatepost resume” delivers again.",
    "resume": "Mail is delivered.",
    "shut-down": "The relay ends.",
}


def configure(parser: argparse.ArgumentParser, name: str) -> None:
    if name == "status":
        parser.set_defaults(run=status)
    elif name == "events":
        parser.add_argument("--count", type=int, metavar="N", help="end after N events")
        parser.set_defaults(run=events)
    elif name == "metrics":
        parser.set_defaults(run=metrics)
    else:
        parser.set_defaults(run=_command(name))


def _command(name: str) -> Callable[[argparse.Namespace, Client, Out], Awaitable[None]]:
    async def run(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
        await getattr(client, name.replace("-", "_"))()
        if out.as_json:
            out.json({"done": True})
        else:
            out.line(_DONE[name])

    return run


async def status(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    found, gateways, totals = await client.status(), await client.gateway_reports(), await client.totals()
    if out.as_json:
        out.json(found.model_dump(mode="json") | {"gateways": gateways, "totals": totals})
    else:
        await _show(found, gateways, totals, client, out)


async def _show(
    found: Status, gateways: tuple[GatewayReport, ...], totals: tuple[Total, ...], client: Client, out: Out
) -> None:
    relay, spool = found.relay, found.spool
    state = "paused" if relay.delivery_paused and relay.mail == "running" else relay.mail.value
    sums = {name: sum(t.value for t in totals if t.name == name) for name in ("accepted", "delivered", "deferred", "refused")}
    out.pairs(
        [
            ("relay", state),
            ("version", f"{relay.version}, process {relay.pid}, started {out.when(relay.started_at)}"),
            ("name", relay.host_name),
            ("data", relay.data_folder),
            ("configuration", f"revision {relay.revision}"),
            ("vault", relay.vault.label if relay.vault.usable else f"not usable: {relay.vault.problem}"),
            ("spool", f"{spool.waiting:,} waiting, {spool.deferred:,} deferred, {spool.held:,} held"),
            ("quarantine", f"{spool.quarantined:,}"),
            *([("NOT DELIVERED", "; ".join(_handled(one) for one in relay.not_delivering))] if relay.not_delivering else []),
            ("since the start", ", ".join(f"{count:,} {name}" for name, count in sums.items())),
        ]
    )
    out.line()
    rows = [(f"{item.address} port {item.port}", item.state.value, item.id, item.problem) for item in relay.listeners]
    out.table(
        ("LISTENER", "STATE", "ID", "PROBLEM"), rows, empty="There are no listeners: no mail can come in.", states=["STATE"]
    )
    labels = {g["id"]: gateway_label(g) for g in (await client.objects("gateways")).value}
    if gateways:
        out.line()
    out.table(
        ("GATEWAY", "HEALTH", "SPOOLED", "LAST DELIVERY", "LAST ERROR"),
        [(labels.get(g.id, g.id), g.health, str(g.spooled), out.when(g.last_delivery), g.last_error) for g in gateways],
        empty="There are no gateways yet: “gatepost gateway add --host …”.",
        states=["HEALTH"],
    )
    for problem in relay.problems:
        out.line()
        out.styled(("! ", "warning"), (" ".join(filter(None, (problem.title, problem.detail, problem.hint))), ""))


def _handled(one: NotDelivering) -> str:
    return f"{one.handling}{f' to {one.address}' if one.address else ''} by the {one.kind} {one.label}"


def gateway_label(gateway: dict[str, Any]) -> str:
    """What a person calls it: its description, else its address."""
    if gateway["description"]:
        return str(gateway["description"])
    return f"{gateway['host']}:{gateway['port']}" if "host" in gateway else ", ".join(gateway["addresses"])


async def metrics(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    if out.as_json:
        out.json({"totals": await client.totals(), "spool": await client.spool_counts()})
    else:
        out.raw(await client.metrics())


async def events(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    left = arguments.count
    async for message in client.events():
        if out.as_json:
            out.json({"type": "lost", "reason": message.reason} if isinstance(message, Lost) else message)
        elif isinstance(message, Snapshot):
            spool = plural(message.status.spool.total, "delivery", "deliveries")
            out.line(f"connected: the relay is {message.status.relay.mail.value}, {spool} in the spool")
        elif isinstance(message, Lost):
            out.line(f"connection lost: {message.reason}")
        else:
            out.line(_event_line(message))
        out.flush()
        if isinstance(message, EventMessage) and left is not None:
            left -= 1
            if left <= 0:
                return


def _event_line(event: EventMessage) -> str:
    import time

    if event.kind == "figures":
        spool = event.data.get("spool", {})
        words = ", ".join(f"{spool.get(state, 0)} {state}" for state in ("waiting", "deferred", "held"))
    else:
        words = ", ".join(f"{key}={value_text(value)}" for key, value in event.data.items() if value not in (None, "", [], {}))
    times = f" ×{event.count}" if event.count > 1 else ""
    return f"{time.strftime('%H:%M:%S', time.localtime(event.at))} {event.kind}{times} {words}".rstrip()
