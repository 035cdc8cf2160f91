"""What a relay still knows of its gateways after it was started again."""

from __future__ import annotations

from pathlib import Path

from gatepost.model.gateway import Limits
from tests.support.ports import wait_until
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import submit


def test_a_cap_on_messages_a_day_and_the_last_delivery_outlast_a_restart(tmp_path: Path) -> None:
    with SmtpPeer() as peer:
        capped = plain(1, peer.port).model_copy(update={"limits": Limits(messages_per_day=2)})
        relay, port = relaying(tmp_path / "relay", [capped])
        with relay:
            for _ in range(2):
                submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: relay.api.spooled == 0, "both are delivered", 20)
            (before,) = relay.api.get("/v1/gateway-reports")
            assert before["last_delivery"] is not None
            relay.restart()
            submit(port, "ann@example.org", ["bob@example.com"])
            explained = relay.api.post("/v1/explain", {"sender": "ann@example.org", "recipient": "bob@example.com"})
            assert "its cap is 2 a day" in str(explained)
            (after,) = relay.api.get("/v1/gateway-reports")
            assert after["last_delivery"] == before["last_delivery"]
            assert relay.api.spooled == 1
            assert len(peer.messages) == 2


def test_a_damaged_memory_of_gateways_is_said_and_ignored(tmp_path: Path) -> None:
    with SmtpPeer() as peer:
        relay, port = relaying(tmp_path / "relay", [plain(1, peer.port)])
        (relay.data / "gateways.json").write_text('{"day": {"gw-1": "rubbish"}}')
        with relay:
            submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: peer.messages, "mail is delivered all the same", 20)
            assert "gateways begin their day anew" in relay.log
