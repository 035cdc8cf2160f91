"""A relay's control API as far as a session needs it, with an event stream that says more than any relay would, unmerged.

    python -m tests.support.event_flood DATA EVENTS SECONDS

Prints the number of events that it has sent when they are out, then waits to be ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from aiohttp import web

from gatepost.control.schema import EventMessage, Snapshot, SpoolFigures, Status
from gatepost.model.report import API_VERSION, MailPlane, RelayReport, VaultReport
from gatepost.relay.instance import prepare_runtime_folder, write_endpoint

KINDS = ("message.accepted", "delivery.succeeded", "delivery.deferred", "gateway.resting", "spool.edited")


def snapshot(data: Path) -> Snapshot:
    relay = RelayReport(
        mail=MailPlane.RUNNING, delivery_paused=False, version="test", api_version=API_VERSION, pid=1, started_at=0.0,
        data_folder=str(data), host_name="test", revision=1, listeners=(), vault=VaultReport("sealed", "test", True),
    )  # fmt: skip
    return Snapshot(status=Status(relay=relay, spool=SpoolFigures()), gateways=(), totals=())


async def main(data: Path, events: int, seconds: float) -> None:
    async def version(_: web.Request) -> web.Response:
        return web.json_response({"version": "test", "api_version": API_VERSION})

    async def follow(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.send_str(snapshot(data).model_dump_json())
        begin = time.monotonic()
        for number in range(events):
            kind = KINDS[number % len(KINDS)]
            message = EventMessage(
                sequence=number, kind=kind, at=time.time(), data={"queue_id": f"{number:X}", "gateway_id": f"gw-{number % 40}"}
            )
            await websocket.send_str(message.model_dump_json())
            ahead = begin + (number + 1) * seconds / events - time.monotonic()
            if ahead > 0.02:
                await asyncio.sleep(ahead)
        print(json.dumps({"sent": events, "seconds": time.monotonic() - begin}), flush=True)
        async for _ in websocket:
            pass
        return websocket

    async def empty(_: web.Request) -> web.Response:
        return web.json_response({"error": {"code": "not-found", "title": "There is nothing here."}}, status=404)

    app = web.Application()
    app.router.add_get("/v1/version", version)
    app.router.add_get("/v1/events", follow)
    app.router.add_route("*", "/{rest:.*}", empty)
    runner = web.AppRunner(app)
    await runner.setup()
    socket = prepare_runtime_folder(data) / "flood.sock"
    await web.UnixSite(runner, str(socket)).start()
    write_endpoint(data, str(socket))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
