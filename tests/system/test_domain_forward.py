"""Domain Forward with a real relay: addresses in order with failover, ranges, IPv6, and the primary as a client."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gatepost.model.gateway import DomainForwardGateway, Encryption, RoundRobinGateway
from tests.support.mail_tools import SmtpSink
from tests.support.ports import wait_until
from tests.support.primary import PRIMARY, Stranger, asked, fronting

NOBODY_THERE = "127.0.0.2"


def gateway(port: int, *addresses: str, **fields: object) -> DomainForwardGateway:
    values = {"id": "gw-in", "domains": ("example.com", "*.example.com"), "addresses": addresses, "port": port,
              "encryption": Encryption.NONE, **fields}  # fmt: skip
    return DomainForwardGateway.model_validate(values)


@pytest.mark.parametrize(
    "addresses",
    [(NOBODY_THERE, PRIMARY), ("127.0.0.0-127.0.0.2",), ("127.0.0.0/30",)],
    ids=["one after the other", "a range", "a network"],
)
def test_mail_goes_to_the_first_address_that_answers(tmp_path: Path, addresses: tuple[str, ...]) -> None:
    with SmtpSink(tmp_path) as sink:
        relay, port = fronting(tmp_path / "relay", [gateway(sink.port, *addresses)])
        with relay:
            with Stranger(port) as stranger:
                for number, recipient in enumerate(("ann@example.com", "bob@deep.sub.example.com", "eve@example.com")):
                    stranger.send(recipient, number)
            sink.wait_for(3)
            wait_until(lambda: relay.api.spooled == 0, "the spool is empty")
            (report,) = relay.api.get("/v1/gateway-reports")
            assert report["health"] == "healthy", "one of its addresses takes mail"
            assert not [row for row in relay.api.tracked() if row["state"] not in ("delivered", "relayed")]
            assert asked(port, "ann@elsewhere.example").startswith("550 5.7.1 Relaying denied")


def test_mail_goes_to_an_ipv6_address(tmp_path: Path) -> None:
    taken: list[bytes] = []
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port6 = listener.getsockname()[1]
        relay, port = fronting(tmp_path / "relay", [gateway(port6, "::1")])
        with relay:
            with Stranger(port) as stranger:
                stranger.send("ann@example.com")
            listener.settimeout(20)
            connection, client = listener.accept()
            with connection:
                connection.sendall(b"421 4.3.2 not today\r\n")
                taken.append(client[0].encode())
    assert taken == [b"::1"]


def test_the_primary_may_send_outwards_and_strangers_may_not(tmp_path: Path) -> None:
    with SmtpSink(tmp_path) as inside, SmtpSink(tmp_path) as outside:
        out = RoundRobinGateway(id="gw-out", host="127.0.0.1", port=outside.port, encryption=Encryption.NONE)
        relay, port = fronting(tmp_path / "relay", [gateway(inside.port, f"{PRIMARY}-127.0.0.3"), out])
        with relay:
            for address in (PRIMARY, "127.0.0.3"):
                with Stranger(port, address) as itself:
                    itself.send("somebody@elsewhere.example")
            outside.wait_for(2)
            assert asked(port, "somebody@elsewhere.example").startswith("550 5.7.1 Relaying denied")
            relay.api.patch("/v1/gateways/gw-in", {"enabled": False})
            with Stranger(port, PRIMARY) as itself:
                assert itself.rcpt("somebody@elsewhere.example").startswith("550 "), "a disabled gateway's primary is nobody"
                assert itself.rcpt("ann@example.com").startswith("450 ")
        assert inside.count == 0
