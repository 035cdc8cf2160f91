"""A relay process in front of a SmarterMail server: a stand-in that answers with the documented fields (there is no public
server to test with), and whatever else may answer at the URL that an administrator typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.gateway import DomainForwardGateway, DomainVerification
from gatepost.model.smartermail import SmarterMailCard, SmarterMailUserVerification
from tests.support.background import in_background
from tests.support.mail_tools import SmtpSink
from tests.support.ports import wait_until
from tests.support.primary import Stranger, asked, clear, fronting, grow_old
from tests.support.relay_process import RelayProcess
from tests.support.smartermail_server import (
    SmarterMailStandIn,
    StandInDomain,
    html,
    huge,
    redirect_to,
    success_false,
)

SECRET = "gateway/gw-sm/smartermail"


@pytest.fixture
def server() -> Iterator[SmarterMailStandIn]:
    domains = {
        "example.com": StandInDomain(
            users=["ann"], disabled=["carl"], aliases=["sales"], lists=["news@example.com"], domain_aliases=["example.org"]
        ),
        "catch.example": StandInDomain(users=["one"], catch_all="one@catch.example"),
        "off.example": StandInDomain(users=["ann"], enabled=False),
    }
    with in_background(SmarterMailStandIn(domains)) as running:
        yield running


def gateway(server: SmarterMailStandIn, port: int, **card: object) -> DomainForwardGateway:
    values = {
        "enabled": True, "url": server.url, "username": "admin", "allow_http": True,
        "user_verification": SmarterMailUserVerification.WEB_SERVICE, **card,
    }  # fmt: skip
    return DomainForwardGateway.model_validate(
        {
            "id": "gw-sm",
            "domain_verification": DomainVerification.WEB_SERVICE,
            "smartermail": SmarterMailCard.model_validate(values),
            **clear(port),
        }
    )


def store_password(relay: RelayProcess, password: str = "right") -> None:
    done = relay.run("secret", "set", SECRET, "--password-stdin", stdin=password + "\n")
    assert done.returncode == 0, done.stderr


def report(relay: RelayProcess) -> dict[str, Any]:
    (found,) = relay.api.get("/v1/gateway-reports")
    return found  # type: ignore[no-any-return]


def test_domains_and_users_are_the_web_services_and_mail_goes_to_the_primary(
    tmp_path: Path, server: SmarterMailStandIn
) -> None:
    with SmtpSink(tmp_path) as sink:
        relay, port = fronting(tmp_path / "relay", [gateway(server, sink.port)])
        with relay:
            store_password(relay)
            wait_until(lambda: report(relay)["remote_spool"], "the spool counts are read")
            taken = ("ann@example.com", "ANN+tag@example.com", "sales@example.com", "news@example.com", "ann@example.org",
                     "anybody@catch.example")  # fmt: skip
            for address in taken:
                assert asked(port, address) == "250 2.1.5 Ok", address
            for address in ("nobody@example.com", "carl@example.com", "nobody@example.org"):
                assert asked(port, address) == "550 5.1.1 No such recipient here", address
            for address in ("ann@off.example", "ann@elsewhere.example"):
                assert asked(port, address).startswith("550 5.7.1 Relaying denied"), address
            with Stranger(port) as stranger:
                stranger.send("ann@example.org")
            sink.wait_for(1)

            found = report(relay)
            assert found["remote_spool"] == {"default": 3, "waiting": 4, "virus": 0, "spam": 1}
            assert found["remote_spool_at"]
            assert found["remarks"] == []
            known = {verdict["address"]: verdict["state"] for verdict in relay.command("verdicts", "list")}
            assert known["@example.com"] == "valid"
            assert known["carl@example.com"] == "invalid"


@pytest.mark.parametrize("interface", ["REST", "SOAP"])
def test_the_test_logs_in_lists_the_domains_counts_the_users_and_names_the_interface(
    tmp_path: Path, server: SmarterMailStandIn, interface: str
) -> None:
    server.rest = interface == "REST"
    relay, _ = fronting(tmp_path / "relay", [gateway(server, 2)])
    with relay:
        done = relay.run("gateway", "smartermail-test", "gw-sm")
        assert done.returncode
        assert "No password is stored" in done.stderr
        found = relay.command("gateway", "smartermail-test", "gw-sm", "--password-stdin", stdin="right\n")
        assert found["interface"] == interface
        assert {"example.com", "catch.example"} <= set(found["domains"])
        assert found["users"] == (2 if interface == "REST" else 3), "SOAP cannot tell disabled domains apart"
        wrong = relay.run("gateway", "smartermail-test", "gw-sm", "--password-stdin", stdin="wr0ng-pass\n")
        assert wrong.returncode
        assert "refused the login" in wrong.stderr
        assert "wr0ng-pass" not in wrong.stderr + relay.log


def test_a_rejected_login_is_not_tried_again_until_it_is_edited(tmp_path: Path, server: SmarterMailStandIn) -> None:
    relay, port = fronting(tmp_path / "relay", [gateway(server, 2)])
    with relay:
        store_password(relay, "wrong")
        wait_until(lambda: "refused the login" in str(report(relay)["remarks"]), "the rejection is told")
        for number in range(5):
            assert asked(port, f"ann@domain{number}.example").startswith("451 4.4.0 ")
        assert server.logins == 1
        assert any("refused the login" in problem["title"] for problem in relay.api.get("/v1/status")["relay"]["problems"])
        store_password(relay, "right")
        wait_until(lambda: asked(port, "ann@example.com") == "250 2.1.5 Ok", "the new password is used")
        assert server.logins == 2
        wait_until(lambda: report(relay)["remarks"] == [], "nothing is wrong any more")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (redirect_to("http://127.0.0.1:9/api/v1/"), "leads to another address"),
        (html, "not SmarterMail's"),
        (huge, "larger than any SmarterMail answer"),
        (success_false, "refused the login"),
    ],
    ids=["redirects elsewhere", "answers HTML", "sends 50 MB", "200 with success:false"],
)
def test_whatever_answers_at_the_url_is_named_and_puts_nobody_off_for_good(
    tmp_path: Path, server: SmarterMailStandIn, fault: Callable[..., Any], words: str
) -> None:
    server.fault = fault
    relay, port = fronting(tmp_path / "relay", [gateway(server, 2)])
    with relay:
        store_password(relay)
        wait_until(lambda: words in str(report(relay)["remarks"]), f"“{words}” is told")
        assert asked(port, "ann@example.com").startswith("451 4.4.0 Whether mail for this domain is taken")
        failed = relay.run("gateway", "smartermail-test", "gw-sm")
        assert failed.returncode
        assert words in failed.stderr


def test_what_was_known_is_remembered_while_the_web_service_is_down(tmp_path: Path, server: SmarterMailStandIn) -> None:
    relay, port = fronting(tmp_path / "relay", [gateway(server, 2)])
    with relay:
        store_password(relay)
        assert asked(port, "ann@example.com") == "250 2.1.5 Ok"
        assert asked(port, "nobody@example.com").startswith("550 5.1.1")
        server.fault = html
        grow_old(relay, 700)
        assert asked(port, "ann@example.com") == "250 2.1.5 Ok"
        assert asked(port, "nobody@example.com").startswith("550 5.1.1")
        assert asked(port, "never-seen@example.com").startswith("451 4.1.1")
