"""A gateway that begins to capture while mail waits for it: with a real queue, router and pool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from gatepost.model.configuration import parse_configuration
from gatepost.relay.capture.keeping import Keeping
from gatepost.relay.delivery.queue import Queue
from gatepost.relay.diverting import Diverting
from gatepost.relay.routing.hops import configured_hops
from gatepost.store.captured_values import CapturedFilter

from ...support.smtp_peer import Delay, SmtpPeer
from ..delivery.queue_rig import gateway, rig

MAIL = 12


async def test_from_then_on_nothing_that_waits_leaves(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, card := gateway("one", peer, limits={"connections": 1}), start=False) as r:
        keeping = Keeping(r.spool.captured, lambda: r.configuration, r.events, r.counters, r.time.clock)
        service = SimpleNamespace(
            spool=r.spool,
            capturing=SimpleNamespace(keeping=keeping, tray_name=lambda tray: tray),
            counters=r.counters,
            journal=SimpleNamespace(add=lambda *_: None),
            clock=r.time.clock,
            configuration=r.configuration,
        )
        r.queue = Queue(replace(r.around, pool=Diverting(cast(Any, service), r.pool)))
        r.router.opened = r.queue.wake
        await r.queue.start()
        peer.on("dot", Delay(0.1), times=1)
        for _ in range(MAIL):
            await r.submit()
        await r.until(lambda: r.pool.open_connections)
        r.configuration = service.configuration = parse_configuration(
            {"gateways": [{**card, "handling": {"action": "capture"}}]}
        )
        r.router.apply(r.configuration)
        current = frozenset(configured_hops(r.configuration))
        r.pool.retire(lambda hop: hop in current)
        await r.queue.apply()
        await r.empty()
        captured = await r.spool.captured.count(CapturedFilter())
        assert {message.connection for message in peer.messages} <= {0}, "what was on its way arrives, and nobody calls again"
        assert captured == MAIL - len(peer.messages)
