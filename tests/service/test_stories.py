"""The whole story of a message as people read it: by which way it goes and why, what moved it, who was told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ports import free_port, wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import submit


def kinds(relay: RelayProcess, queue_id: str) -> list[str]:
    return [entry["kind"] for entry in relay.api.timeline(queue_id)]


@pytest.fixture
def hop() -> SmtpPeer:
    return SmtpPeer()


def test_a_story_tells_the_rule_the_turn_and_what_moved_it(tmp_path: Path, hop: SmtpPeer) -> None:
    dead = free_port()
    with hop:
        process, port = relaying(tmp_path, [plain(1, hop.port), plain(2, dead)])
        with process as relay:
            queue_id = submit(port, "ann@example.com", ["bob@example.net"])
            wait_until(lambda: "delivered" in kinds(relay, queue_id), "it was delivered")
            received, routed, delivered = relay.api.timeline(queue_id)
            assert received["data"] == {"helo": "client.example.org", "user": ""}
            assert routed["text"] == "The default in Settings → Delivery decides: Round Robin."
            explained = relay.api.post("/v1/explain", {"sender": "ann@example.com", "recipient": "bob@example.net"})
            assert explained["steps"][0]["text"] == routed["text"]
            assert delivered["data"]["way"].endswith(": its turn in Round Robin")
            told = relay.run("track", queue_id).stdout
            assert f"routed     {routed['text']}" in told
            assert f"by {delivered['data']['way']}" in told

            relay.api.post("/v1/pause", {})
            waiting = submit(port, "ann@example.com", ["eve@example.net"])
            route = {"via": "gateway", "gateway": "gw-1"}
            relay.api.post("/v1/domains", {"domain": "example.net", "match": "recipient", "route": route})
            chosen = {"operation": "reroute", "everything": True, "gateway": "gw-1"}
            wait_until(lambda: "rerouted" in kinds(relay, waiting), "the move was told")
            relay.api.post("/v1/spool/operate", chosen)
            moved, by_hand = [entry["text"] for entry in relay.api.timeline(waiting) if entry["kind"] == "rerouted"]
            assert moved.startswith("The routing was changed. What waited for Round Robin now goes by the gateway “")
            assert by_hand.startswith("reroute by ")
            assert ", to " in by_hand
            assert "gw-1" not in by_hand
            relay.api.post("/v1/resume", {})
            wait_until(lambda: "delivered" in kinds(relay, waiting), "it was delivered")
            assert relay.api.timeline(waiting)[-1]["data"]["way"].endswith(": chosen for this message by hand")


def test_a_test_message_was_made_here_and_went_by_the_gateway_that_was_chosen(tmp_path: Path, hop: SmtpPeer) -> None:
    with hop:
        process, _ = relaying(tmp_path, [plain(1, hop.port)])
        with process as relay:
            sent = relay.api.post("/v1/send-test", {"sender": "a@example.com", "recipient": "b@x.example", "gateway": "gw-1"})
            wait_until(lambda: "delivered" in kinds(relay, sent["queue_id"]), "it was delivered")
            story = relay.api.timeline(sent["queue_id"])
    assert (story[0]["kind"], story[0]["text"]) == ("received", "made by Gatepost itself")
    assert story[1]["kind"] == "routed"
    assert story[1]["text"].endswith(" was chosen for it by hand.")
