"""XOAUTH2 end to end: a real relay process, a stand-in authority that hands out short-lived tokens, and a server that checks
every one of them.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.gateway import AuthMethod, Certificate, CertificateCheck, Encryption, GatewayAuth, Limits, RoundRobinGateway
from gatepost.model.oauth import OAuthFlow, OAuthSettings
from tests.support.background import in_background
from tests.support.certificates import issued
from tests.support.oauth_authority import StandInAuthority
from tests.support.ports import wait_until
from tests.support.processes import Process
from tests.support.relay_process import RelayProcess
from tests.support.relaying import relaying
from tests.support.smtp_peer import Delay, SmtpPeer
from tests.support.submission import submit

SECRET = "canary-client-secret-value"
MAILBOX = "sender@example.com"


@pytest.fixture
def authority() -> Iterator[StandInAuthority]:
    with in_background(StandInAuthority(user=MAILBOX, secret=SECRET)) as found:
        yield found


def provider(authority: StandInAuthority) -> SmtpPeer:
    """One message a connection, so that each message needs a sign-in."""
    return SmtpPeer(
        starttls=True, certificate=issued("127.0.0.1"), tokens=authority.problem, auth=("XOAUTH2",), auth_needs_tls=True,
        require_auth=True,
    )  # fmt: skip


def gateway(authority: StandInAuthority, port: int, **oauth: Any) -> RoundRobinGateway:
    pinned = Certificate(check=CertificateCheck.FINGERPRINT, fingerprint=issued("127.0.0.1").fingerprint)
    settings = OAuthSettings.model_validate(authority.settings | oauth)
    auth = GatewayAuth(enabled=True, method=AuthMethod.OAUTH, username=MAILBOX, oauth=settings)
    limits = Limits(connections=1, messages_per_connection=1)
    return RoundRobinGateway(
        id="gw-1", host="127.0.0.1", port=port, encryption=Encryption.REQUIRED, certificate=pinned, auth=auth, limits=limits
    )


def sign_in(relay: RelayProcess, authority: StandInAuthority) -> dict[str, Any]:
    """What a front-end does, with a browser that shows the address it ended up at."""
    begun = relay.api.post("/v1/gateways/gw-1/oauth/begin", {"redirect_uri": "http://127.0.0.1:1"})
    code = asyncio.run(authority.agreed(begun["url"])).partition("code=")[2].partition("&")[0]
    found: dict[str, Any] = relay.api.post("/v1/gateways/gw-1/oauth/complete", {"state": begun["state"], "code": code})
    return found


def report(relay: RelayProcess) -> dict[str, Any]:
    found: dict[str, Any] = relay.api.get("/v1/gateway-reports")[0]
    return found


def problems(relay: RelayProcess) -> list[str]:
    return [f"{one['title']} {one['hint']}" for one in relay.api.get("/v1/status")["relay"]["problems"]]


def assert_nothing_leaked(relay: RelayProcess, authority: StandInAuthority) -> None:
    secrets = {SECRET, *authority.secrets()}
    assert len(secrets) > 5
    answers = [
        relay.api.call("GET", path).body
        for path in ("/v1/status", "/v1/gateway-reports", "/v1/gateways/gw-1/oauth", "/v1/export", "/v1/configuration",
                     "/v1/secrets", "/v1/health", "/v1/revisions", "/metrics")
    ]  # fmt: skip
    for message in relay.api.tracked():
        answers.append(json.dumps(relay.api.timeline(message["queue_id"])).encode())
    for name in ("cmdline", "environ"):
        answers.append(Path(f"/proc/{relay.pid}/{name}").read_bytes())
    files = [path.read_bytes() for path in relay.folder.rglob("*") if path.is_file()]
    for secret in secrets:
        assert not [1 for found in (*answers, *files) if secret.encode() in found], f"{secret[:12]}… is somewhere"


def test_tokens_end_and_are_renewed_in_the_middle_of_a_queue_run_and_a_revoked_sign_in_rests_the_gateway(
    tmp_path: Path, authority: StandInAuthority
) -> None:
    authority.life = 1.0
    with provider(authority) as server:
        server.on("mail", Delay(0.08))
        relay, port = relaying(
            tmp_path / "relay", [gateway(authority, server.port)], options=("--log-level", "debug"), own_interpreter=True
        )
        with relay:
            api = relay.api
            assert api.call("PUT", "/v1/secrets/gateway/gw-1/client-secret", {"secret": SECRET}).status == 200
            wait_until(
                lambda: any("is not signed in" in text for text in problems(relay)), "it says that somebody must sign in"
            )
            found = sign_in(relay, authority)
            assert (found["state"], found["account"]) == ("signed-in", MAILBOX)
            assert not problems(relay)

            # A run that takes longer than any token lives.
            api.post("/v1/pause", {})
            for number in range(30):
                submit(port, "ann@example.org", [f"bob{number}@example.net"])
            api.post("/v1/resume", {})
            wait_until(lambda: len(server.messages) >= 8, "the run is under way", 30)
            before = len(authority.asked)
            authority.revoke_tokens()  # the provider ends one early: the relay meets a refusal, not an end that it knew of
            wait_until(lambda: api.spooled == 0, "everything is delivered", 30)
            assert sorted(message.recipients[0] for message in server.messages) == sorted(
                f"bob{number}@example.net" for number in range(30)
            )
            assert len(authority.asked) - before >= 2, "it was renewed in the middle of the run, again and again"
            assert len({attempt.password for attempt in server.auths if attempt.accepted}) >= 3
            assert all(attempt.mechanism == "XOAUTH2" and attempt.tls for attempt in server.auths)
            assert {one["state"] for one in api.tracked()} == {"delivered"}
            stories = [entry["kind"] for one in api.tracked() for entry in api.timeline(one["queue_id"])]
            assert "deferred" not in stories
            assert api.health("gw-1") == "healthy"

            # The password is changed at the provider: mail waits, and the words say what to do.
            authority.revoke_sign_in()
            queue_id = submit(port, "ann@example.org", ["late@example.net"])
            wait_until(lambda: api.health("gw-1") in ("resting", "probing"), "the gateway rests", 30)
            assert "sign in again" in report(relay)["cause"]
            assert "AADSTS50173" in report(relay)["cause"]
            assert any("cannot renew its sign-in" in text and "Sign in again" in text for text in problems(relay))
            assert api.get("/v1/gateways/gw-1/oauth")["state"] == "failing"
            doctor = relay.run("gateway", "oauth-doctor", "gw-1")
            assert doctor.returncode != 0
            assert "sign in again" in doctor.stderr
            assert api.spooled == 1
            assert "bounced" not in [entry["kind"] for entry in api.timeline(queue_id)]

            # After a restart it still waits, and a new sign-in sends it.
            relay.restart()
            api = relay.api
            assert api.spooled == 1
            sign_in(relay, authority)
            wait_until(lambda: api.spooled == 0, "it is delivered", 30)
            assert server.messages[-1].recipients == ("late@example.net",)
            wait_until(lambda: api.health("gw-1") == "healthy", "the gateway is healthy")
            assert not problems(relay)
            assert_nothing_leaked(relay, authority)
        assert not [secret for secret in (SECRET, *authority.secrets()) if secret in relay.log]


def test_a_person_signs_in_out_and_asks_the_doctor_on_the_command_line(tmp_path: Path, authority: StandInAuthority) -> None:
    with provider(authority) as server:
        relay, _ = relaying(tmp_path / "relay", [gateway(authority, server.port)])
        with relay:
            assert relay.api.call("PUT", "/v1/secrets/gateway/gw-1/client-secret", {"secret": SECRET}).status == 200
            pasted = relay.run(
                "gateway", "sign-in", "gw-1", "--no-browser", stdin="http://127.0.0.1:1/?code=forged&state=forged\n"
            )
            assert pasted.returncode != 0
            assert "begin again" in pasted.stderr

            command = [sys.executable, "-m", "gatepost", "--data", str(relay.data), "gateway", "sign-in", "gw-1"]
            browsing = Process(command, log=tmp_path / "sign-in.log", environment=relay.environment, folder=tmp_path)
            browsing.start()
            browsing.wait_until(lambda: re.search(r"http\S+\n", browsing.output()), "it shows the address")
            found = re.search(r"http\S+", browsing.output())
            assert found is not None
            assert "You are signed in" in asyncio.run(authority.sign_in(found[0]))
            assert browsing.wait() == 0, browsing.output()
            assert f"Signed in as {MAILBOX}." in browsing.output()

            doctor = relay.command("gateway", "oauth-doctor", "gw-1")
            states = {stage["stage"]: stage["state"] for stage in doctor}
            assert list(states)[:5] == ["settings", "authority", "token", "claims", "permission"]
            assert {"mechanism", "auth"} <= set(states)
            assert not [stage for stage in doctor if stage["state"] == "failed"], doctor
            assert relay.command("gateway", "sign-in-status", "gw-1")["state"] == "signed-in"
            assert relay.command("gateway", "sign-out", "gw-1")["state"] == "signed-out"
            assert "gateway/gw-1/sign-in" not in [one["name"] for one in relay.api.get("/v1/secrets")]
            done = relay.run("gateway", "oauth-doctor", "gw-1")
            assert done.returncode != 0
            assert "Nobody has signed in" in done.stderr
            assert_nothing_leaked(relay, authority)


def test_an_application_signs_in_by_its_secret_and_an_expired_one_is_named(tmp_path: Path, authority: StandInAuthority) -> None:
    with provider(authority) as server:
        card = gateway(authority, server.port, flow=OAuthFlow.APPLICATION.value, secret_expires="2020-01-31")
        relay, port = relaying(tmp_path / "relay", [card])
        with relay:
            api = relay.api
            wait_until(
                lambda: any("has no client secret" in text for text in problems(relay)), "it says that the secret is missing"
            )
            assert api.call("PUT", "/v1/secrets/gateway/gw-1/client-secret", {"secret": SECRET}).status == 200
            wait_until(lambda: any("ended on 2020-01-31" in text for text in problems(relay)), "it warns of the date")
            today = datetime.now(UTC).date()
            for days, is_warned in ((25, True), (60, False)):
                day = (today + timedelta(days=days)).isoformat()
                api.patch("/v1/gateways/gw-1", {"auth": {"oauth": {"secret_expires": day}}})
                assert any(f"ends on {day}" in text for text in problems(relay)) is is_warned
            submit(port, "ann@example.org", ["bob@example.net"])
            wait_until(lambda: api.spooled == 0, "it is delivered", 30)
            authority.refusal = (401, {"error": "invalid_client", "error_description": "AADSTS7000222: The keys are expired."})
            assert api.call("PUT", "/v1/secrets/gateway/gw-1/client-secret", {"secret": SECRET}).status == 200
            submit(port, "ann@example.org", ["bob@example.net"])
            wait_until(lambda: api.health("gw-1") in ("resting", "probing"), "the gateway rests", 30)
            assert "client secret has expired: make a new one" in report(relay)["cause"]
            authority.refusal = None
            assert api.call("PUT", "/v1/secrets/gateway/gw-1/client-secret", {"secret": SECRET}).status == 200
            wait_until(lambda: api.spooled == 0, "it is delivered", 30)


def test_a_gateway_is_added_signed_in_and_used_on_the_command_line(tmp_path: Path, authority: StandInAuthority) -> None:
    with provider(authority) as server:
        relay, port = relaying(tmp_path / "relay", [])
        with relay:
            urls = authority.settings
            added = relay.command(
                "gateway", "add", "--host", "127.0.0.1", "--port", str(server.port), "--encryption", "starttls-required",
                "--fingerprint", issued("127.0.0.1").fingerprint, "--auth-username", MAILBOX, "--oauth", "other",
                "--client-id", urls["client_id"], "--authorize-url", urls["authorize_url"], "--token-url", urls["token_url"],
                "--scope", urls["scope"], "--secret-expires", "2099-01-31", "--client-secret-stdin",
                stdin=f"{SECRET}\n",
            )["object"]  # fmt: skip
            auth = added["auth"]
            assert (auth["method"], auth["oauth"]["secret_expires"]) == ("oauth", "2099-01-31")
            begun = relay.api.post(f"/v1/gateways/{added['id']}/oauth/begin", {"redirect_uri": "http://127.0.0.1:1"})
            code = asyncio.run(authority.agreed(begun["url"])).partition("code=")[2].partition("&")[0]
            body = {"state": begun["state"], "code": code}
            assert relay.api.post(f"/v1/gateways/{added['id']}/oauth/complete", body)["state"] == "signed-in"
            # Now that somebody has signed in, an edit is verified first, with that sign-in.
            relay.command("gateway", "edit", added["id"], "--description", "By token")
            assert server.auths[-1].accepted
            shown = relay.run("gateway", "show", added["id"]).stdout
            assert "signed-in" in shown
            assert MAILBOX in shown
            submit(port, "ann@example.org", ["bob@example.net"])
            wait_until(lambda: relay.api.spooled == 0, "it is delivered", 30)
            relay.command(
                "gateway", "edit", added["id"], "--auth-username", "me", "--password-stdin", "--no-verify", stdin="pw\n"
            )
            found = relay.api.get(f"/v1/gateways/{added['id']}")["auth"]
            assert (found["method"], found["username"]) == ("password", "me")
