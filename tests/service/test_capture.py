"""The test inbox of a real relay process: what is captured, copied and redirected, and what programs can do with it."""

from __future__ import annotations

import smtplib
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from gatepost.model.access import TrustedNetwork
from gatepost.model.capture import (
    Capture,
    CaptureAndDeliver,
    DelayFault,
    DropFault,
    FaultRule,
    FaultStage,
    Handling,
    RedirectAll,
    RefuseFault,
    Tray,
)
from gatepost.model.configuration import Configuration
from gatepost.model.domain import DomainMatch, DomainRule, GatewayRoute
from gatepost.model.gateway import Encryption, SpecificDomainsGateway
from gatepost.model.listener import Listener, ListenerMode
from gatepost.model.settings import ServerSettings, Settings
from tests.support.control import ControlApi
from tests.support.ports import free_port
from tests.support.relay_process import RelayProcess
from tests.support.relaying import SOON_BACK, plain
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import submit

CAPTURING, COPYING, REDIRECTING, DELIVERING, FAULTY = "ls-capture", "ls-copy", "ls-redirect", "ls-plain", "ls-faulty"


def gateway(name: str, port: int, handling: Handling) -> SpecificDomainsGateway:
    return SpecificDomainsGateway(id=name, host="127.0.0.1", port=port, encryption=Encryption.NONE, handling=handling)


def to(domain: str, name: str) -> DomainRule:
    return DomainRule(domain=domain, match=DomainMatch.RECIPIENT, route=GatewayRoute(gateway=name))


@pytest.fixture(scope="module")
def peer() -> Iterator[SmtpPeer]:
    with SmtpPeer() as started:
        yield started


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {name: free_port() for name in (CAPTURING, COPYING, REDIRECTING, DELIVERING, FAULTY)}


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, peer: SmtpPeer, ports: dict[str, int]) -> Iterator[RelayProcess]:
    handling: dict[str, Handling] = {
        CAPTURING: Capture(), COPYING: CaptureAndDeliver(), REDIRECTING: RedirectAll(address="all@test.example")
    }  # fmt: skip
    listeners = [
        Listener(id=name, port=port, mode=ListenerMode.MX, **({"handling": handling[name]} if name in handling else {}))
        for name, port in ports.items()
    ]
    process = RelayProcess(tmp_path_factory.mktemp("capture"))
    process.configure(
        Configuration(
            gateways=(
                plain(1, peer.port),
                gateway("gw-capture", free_port(), Capture()),
                gateway("gw-copy", peer.port, CaptureAndDeliver()),
                gateway("gw-redirect", peer.port, RedirectAll(address="qa@test.example")),
            ),
            domains=(to("kept.example", "gw-capture"), to("copied.example", "gw-copy"), to("led.example", "gw-redirect")),
            listeners=tuple(listeners),
            trusted_networks=(TrustedNetwork(network="127.0.0.0/8"),),
            trays=(
                Tray(id="signups", name="Sign-ups", recipient="signup+*@*"),
                Tray(id="outbound", name="Outbound", gateway="gw-capture"),
            ),
            faults=(
                FaultRule(
                    id="once", listener=FAULTY, stage=FaultStage.RCPT, recipient="busy@*", first=1,
                    fault=RefuseFault(code=450, text="4.2.1 Mailbox busy"),
                ),
                FaultRule(id="hang-up", listener=FAULTY, stage=FaultStage.DOT, sender="dropped@*", fault=DropFault()),
                FaultRule(id="slow", listener=FAULTY, stage=FaultStage.MAIL, sender="slow@*", fault=DelayFault(seconds=0.3)),
                FaultRule(id="off", enabled=False, listener=FAULTY, stage=FaultStage.EHLO, fault=DropFault()),
            ),
            settings=Settings(server=ServerSettings(host_name="relay.example.org"), delivery=SOON_BACK),
        )
    )  # fmt: skip
    with process:
        yield process


@pytest.fixture
def api(relay: RelayProcess) -> ControlApi:
    return relay.api


def mail(subject: str, *, html: str = "", attachment: bytes = b"") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@app.example>", "customer@any.example", subject
    message.set_content(f"Hello, this is {subject}.\n")
    if html:
        message.add_alternative(html, subtype="html")
    if attachment:
        message.add_attachment(attachment, maintype="application", subtype="pdf", filename="Rechnung für März.pdf")
    return message.as_bytes().replace(b"\n", b"\r\n")


def wait(api: ControlApi, query: str) -> dict[str, Any]:
    found = api.get(f"/v1/captured/wait?{query}")["message"]
    assert found is not None, query
    return dict(found)


def received(peer: SmtpPeer, subject: str) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for one in list(peer.messages):
            if f"Subject: {subject}".encode() in one.content:
                return one
        time.sleep(0.01)
    raise AssertionError(f"{subject} did not arrive")


def test_a_capturing_listener_takes_mail_for_anybody_and_delivers_none(
    api: ControlApi, ports: dict[str, int], peer: SmtpPeer
) -> None:
    queue_id = submit(ports[CAPTURING], "shop@app.example", ["a@nowhere.invalid", "b@any.example"], mail("Kept"))
    row = wait(api, "subject=Kept&to=nowhere.invalid")
    assert (row["queue_id"], row["tray"], row["by"], row["listener"]) == (queue_id, "inbox", "listener", CAPTURING)
    assert (row["recipients"], row["is_copy"]) == (["a@nowhere.invalid", "b@any.example"], False)
    assert row["preview"] == "Hello, this is Kept."
    story = api.get(f"/v1/tracking/{queue_id}")
    assert story["message"]["state"] == "captured"
    assert [entry["kind"] for entry in story["entries"]] == ["received", "captured"]
    assert api.get("/v1/spool/counts")["total"] == 0
    assert not any(b"Subject: Kept" in one.content for one in peer.messages)


def test_whoever_waits_hears_of_a_message_as_soon_as_it_is_there(api: ControlApi, ports: dict[str, int]) -> None:
    after = api.get("/v1/captured/wait?timeout=0")["after"]
    nothing = api.get(f"/v1/captured/wait?timeout=0&after={after}")
    while nothing["message"] is not None:
        nothing = api.get(f"/v1/captured/wait?timeout=0&after={nothing['after']}")
    found: list[Any] = []
    waiting = threading.Thread(
        target=lambda: found.append(api.get(f"/v1/captured/wait?timeout=20&subject=Awaited&after={nothing['after']}"))
    )
    waiting.start()
    submit(ports[CAPTURING], "shop@app.example", ["x@any.example"], mail("Not this"))
    submit(ports[CAPTURING], "shop@app.example", ["x@any.example"], mail("Awaited"))
    waiting.join(20)
    assert found[0]["message"]["subject"] == "Awaited"
    assert found[0]["after"] == found[0]["message"]["id"]


def test_a_message_is_taken_apart_and_its_parts_can_be_saved(api: ControlApi, ports: dict[str, int]) -> None:
    html = '<p onclick="x()">Pay <a href="https://pay.example/1">here</a><img src="https://track.example/p.gif"></p>'
    sent = mail("Invoice", html=html, attachment=b"%PDF-1.7 not really")
    submit(ports[CAPTURING], "shop@app.example", ["c@any.example"], sent)
    row = wait(api, "text=Rechnung")
    message = api.get(f"/v1/captured/{row['id']}")
    assert message["text"].startswith("Hello, this is Invoice.")
    assert "onclick" in message["html"]
    assert "onclick" not in message["clean_html"]
    assert "track.example" not in message["clean_html"]
    assert message["remote"] == ["https://track.example/p.gif"]
    assert message["envelope"]["recipients"][0]["address"] == "c@any.example"
    assert {"name": "Subject", "value": "Invoice", "raw": "Invoice"} in message["headers"]
    (attachment,) = message["attachments"]
    assert (attachment["filename"], attachment["number"], attachment["size"]) == ("Rechnung für März.pdf", "2", 19)
    assert [part["number"] for part in message["structure"]["parts"]] == ["1", "2"]
    part = api.call("GET", f"/v1/captured/{row['id']}/parts/2")
    assert (part.body, part.headers["Content-Type"]) == (b"%PDF-1.7 not really", "application/octet-stream")
    assert part.headers["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in part.headers["Content-Disposition"]
    source = api.call("GET", f"/v1/captured/{row['id']}/content")
    assert source.body.startswith(b"Received: from ")
    assert source.body.endswith(sent)
    assert api.call("GET", f"/v1/captured/{row['id']}/parts/9").status == 404
    assert api.call("GET", f"/v1/captured/{row['id']}/parts/..%2f1").status == 404
    assert api.call("GET", "/v1/captured/x").status == 404


def test_trays_divide_what_comes_and_are_cleared_one_by_one(api: ControlApi, ports: dict[str, int]) -> None:
    submit(ports[CAPTURING], "shop@app.example", ["Signup+7@any.example"], mail("Welcome"))
    assert wait(api, "tray=signups")["subject"] == "Welcome"
    trays = {tray["id"]: tray for tray in api.get("/v1/captured/trays")}
    assert (trays["signups"]["count"], trays["signups"]["name"], trays["signups"]["keep_days"]) == (1, "Sign-ups", 7)
    before = trays["inbox"]["count"]
    assert api.post("/v1/captured/clear", {"tray": "signups"})["count"] == 1
    trays = {tray["id"]: tray for tray in api.get("/v1/captured/trays")}
    assert (trays["signups"]["count"], trays["inbox"]["count"]) == (0, before)


def test_a_released_message_goes_out_as_new_mail_and_the_captured_one_stays(
    api: ControlApi, ports: dict[str, int], peer: SmtpPeer
) -> None:
    queue_id = submit(ports[CAPTURING], "shop@app.example", ["d@any.example"], mail("Let go"))
    row = wait(api, "subject=Let go".replace(" ", "%20"))
    new = api.post(f"/v1/captured/{row['id']}/release", {"gateway": "gw-1", "recipients": ["real@dest.example"]})["queue_id"]
    arrived = received(peer, "Let go")
    assert (arrived.sender, list(arrived.recipients)) == ("shop@app.example", ["real@dest.example"])
    assert new != queue_id
    assert any(new in entry["text"] for entry in api.timeline(queue_id))
    assert any(queue_id in entry["text"] for entry in api.timeline(new))
    assert api.get(f"/v1/captured/{row['id']}")["row"]["released_at"] is not None
    refused = api.call("POST", f"/v1/captured/{row['id']}/release", {"gateway": "gw-capture"})
    assert (refused.status, refused.json["error"]["issues"][0]["field"]) == (422, "gateway")
    assert api.call("DELETE", f"/v1/captured/{row['id']}").status == 200
    assert api.call("DELETE", f"/v1/captured/{row['id']}").status == 404


def test_what_would_be_captured_again_is_not_released_before_another_way_is_chosen(
    api: ControlApi, ports: dict[str, int], peer: SmtpPeer
) -> None:
    submit(ports[DELIVERING], "shop@app.example", ["d@kept.example"], mail("Round and round"))
    row = wait(api, "subject=Round%20and%20round")
    every = {"operation": "release", "filter": {"subject": "Round and round"}}
    for path, body in ((f"/v1/captured/{row['id']}/release", {}), ("/v1/captured/operate", every)):
        refused = api.call("POST", path, body)
        assert refused.status == 409, refused.body
        assert "which does not deliver" in refused.json["error"]["detail"]
    assert api.get(f"/v1/captured/{row['id']}")["row"]["released_at"] is None
    assert not [message for message in peer.messages if b"Round and round" in message.content]
    api.post(f"/v1/captured/{row['id']}/release", {"gateway": "gw-1"})
    assert list(received(peer, "Round and round").recipients) == ["d@kept.example"]
    # To somebody whose mail is delivered, it is no circle.
    api.post(f"/v1/captured/{row['id']}/release", {"recipients": ["d@any.example"]})


def test_a_copy_is_kept_of_what_is_delivered(api: ControlApi, ports: dict[str, int], peer: SmtpPeer) -> None:
    queue_id = submit(ports[COPYING], "shop@app.example", ["e@any.example"], mail("Both ways"))
    assert list(received(peer, "Both ways").recipients) == ["e@any.example"]
    row = wait(api, "subject=Both%20ways")
    assert (row["is_copy"], row["queue_id"], row["by"]) == (True, queue_id, "listener")
    assert any("Inbox" in entry["text"] for entry in api.timeline(queue_id))


def test_a_large_message_is_captured_copied_and_redirected_whole(
    api: ControlApi, ports: dict[str, int], peer: SmtpPeer
) -> None:
    filling = b"0123456789abcdef" * 60_000
    for name, subject in ((CAPTURING, "Large one"), (COPYING, "Large two"), (REDIRECTING, "Large three")):
        submit(ports[name], "shop@app.example", ["f@any.example"], mail(subject, attachment=filling))
    submit(ports[DELIVERING], "shop@app.example", ["f@led.example"], mail("Large four", attachment=filling))
    submit(ports[DELIVERING], "shop@app.example", ["f@kept.example"], mail("Large five", attachment=filling))
    for subject in ("Large one", "Large two", "Large five"):
        row = wait(api, f"subject={subject.replace(' ', '%20')}")
        part = api.call("GET", f"/v1/captured/{row['id']}/parts/2")
        assert part.body == filling
    sizes = {len(received(peer, subject).content) for subject in ("Large two", "Large three", "Large four")}
    assert max(sizes) - min(sizes) < 500


def test_a_redirecting_listener_sends_all_to_one_address_and_says_who_it_was_for(
    api: ControlApi, ports: dict[str, int], peer: SmtpPeer
) -> None:
    queue_id = submit(ports[REDIRECTING], "shop@app.example", ["g@any.example", "h@kept.example"], mail("Led away"))
    arrived = received(peer, "Led away")
    assert list(arrived.recipients) == ["all@test.example"]
    assert b"X-Gatepost-Original-Recipients: g@any.example,\r\n\th@kept.example\r\n" in arrived.content
    assert any("g@any.example, h@kept.example" in entry["text"] for entry in api.timeline(queue_id))


def test_a_capturing_gateway_keeps_what_would_leave_by_it(api: ControlApi, ports: dict[str, int], peer: SmtpPeer) -> None:
    queue_id = submit(
        ports[DELIVERING],
        "shop@app.example",
        ["i@kept.example", "j@any.example"],
        mail("Half"),
        rcpt=["NOTIFY=SUCCESS,FAILURE"],
    )
    row = wait(api, "subject=Half&tray=outbound")
    assert (row["gateway"], row["by"], row["queue_id"], row["recipients"]) == (
        "gw-capture", "gateway", queue_id, ["i@kept.example"]
    )  # fmt: skip
    assert list(received(peer, "Half").recipients) == ["j@any.example"]
    deadline = time.monotonic() + 20
    while (found := api.get(f"/v1/tracking/{queue_id}"))["message"]["state"] != "captured":
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    states = {one["address"]: one["state"] for one in found["message"]["recipients"]}
    assert states == {"i@kept.example": "captured", "j@any.example": "delivered"}
    captured = next(entry for entry in found["entries"] if entry["kind"] == "captured")
    assert "Outbound" in captured["text"]
    assert not any("MAIL FROM" in line for line in captured["data"]["dialogue"])
    assert not any(entry["kind"] == "dsn" for entry in found["entries"]), "nothing was delivered that could be reported"
    reports = {report["id"]: report for report in api.get("/v1/gateway-reports")}
    assert reports["gw-capture"]["last_delivery"] is None


def test_gateways_copy_and_redirect(api: ControlApi, ports: dict[str, int], peer: SmtpPeer) -> None:
    submit(ports[DELIVERING], "shop@app.example", ["k@copied.example"], mail("Copied"))
    assert list(received(peer, "Copied").recipients) == ["k@copied.example"]
    assert wait(api, "subject=Copied")["is_copy"]
    queue_id = submit(ports[DELIVERING], "shop@app.example", ["l@led.example", "m@led.example"], mail("Redirected"))
    arrived = received(peer, "Redirected")
    assert list(arrived.recipients) == ["qa@test.example"]
    assert arrived.content.startswith(b"X-Gatepost-Original-Recipients: l@led.example,\r\n\tm@led.example\r\nReceived:")
    deadline = time.monotonic() + 20
    while (found := api.get(f"/v1/tracking/{queue_id}"))["message"]["state"] != "delivered":
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    assert {one["state"] for one in found["message"]["recipients"]} == {"delivered"}


def test_the_status_says_loudly_where_mail_is_not_delivered(api: ControlApi) -> None:
    relay = api.get("/v1/status")["relay"]
    marked = {(one["kind"], one["id"]): (one["handling"], one["address"]) for one in relay["not_delivering"]}
    assert marked == {
        ("listener", CAPTURING): ("capture", ""),
        ("listener", COPYING): ("capture-and-deliver", ""),
        ("listener", REDIRECTING): ("redirect", "all@test.example"),
        ("gateway", "gw-capture"): ("capture", ""),
        ("gateway", "gw-copy"): ("capture-and-deliver", ""),
        ("gateway", "gw-redirect"): ("redirect", "qa@test.example"),
    }
    assert relay["faults"] == ["once", "hang-up", "slow"]
    kinds = [problem["kind"] for problem in relay["problems"]]
    assert (kinds.count("capture"), kinds.count("faults")) == (6, 3)
    assert [problem["detail"] for problem in relay["problems"] if problem["kind"] == "faults"] == [
        "Clients are refused there.",
        "Connections are dropped there.",
        "Clients are answered late there.",
    ]


def test_faults_happen_where_a_rule_asks_for_them_and_nowhere_else(
    api: ControlApi, ports: dict[str, int], peer: SmtpPeer
) -> None:
    with smtplib.SMTP("127.0.0.1", ports[FAULTY], timeout=20) as client:
        client.ehlo()
        client.mail("n@app.example")
        assert client.rcpt("busy@any.example") == (450, b"4.2.1 Mailbox busy")
        assert client.rcpt("busy@any.example")[0] == 250
        client.rset()
        began = time.monotonic()
        assert client.mail("slow@app.example")[0] == 250
        assert time.monotonic() - began >= 0.29  # a loop's timers may go off a millisecond early
        client.rset()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("dropped@app.example", ["o@any.example"], mail("Dropped"))
    submit(ports[FAULTY], "fine@app.example", ["o@any.example"], mail("Unharmed"))
    received(peer, "Unharmed")
    assert not any(b"Subject: Dropped" in one.content for one in peer.messages)
    totals = {(one["name"], one["label"]): one["value"] for one in api.get("/v1/totals")}
    assert {label: value for (name, label), value in totals.items() if name == "faults_injected"} == {
        "once": 1, "slow": 1, "hang-up": 1
    }  # fmt: skip
    submit(ports[DELIVERING], "shop@app.example", ["m@kept.example"], mail("Measured"))
    assert wait(api, "subject=Measured")["tray"] == "outbound"
    metrics = api.call("GET", "/metrics").body.decode()
    assert 'gatepost_faults_injected_total{rule="hang-up"} 1' in metrics
    assert 'gatepost_captured_total{by="gw-capture"}' in metrics


def test_captured_mail_is_listed_searched_and_worked_on(api: ControlApi, ports: dict[str, int]) -> None:
    for number in range(5):
        submit(ports[CAPTURING], "bulk@app.example", [f"p{number}@bulk.example"], mail(f"Bulk {number}"))
    chosen = {"sender": "bulk@app.example"}
    assert api.post("/v1/captured/count", {"filter": chosen})["count"] == 5
    first = api.post("/v1/captured/list", {"filter": chosen, "limit": 3})
    assert [row["subject"] for row in first] == ["Bulk 4", "Bulk 3", "Bulk 2"]
    rest = api.post("/v1/captured/list", {"filter": chosen | {"before": first[-1]["id"]}})
    assert [row["subject"] for row in rest] == ["Bulk 1", "Bulk 0"]
    ids = api.post("/v1/captured/ids", {"filter": chosen, "order": "subject", "descending": False})
    assert ids == sorted(ids)
    assert len(ids) == 5
    everything = api.call("POST", "/v1/captured/operate", {"operation": "delete"})
    assert (everything.status, everything.json["error"]["issues"][0]["field"]) == (422, "everything")
    assert api.post("/v1/captured/operate", {"operation": "delete", "filter": chosen, "dry_run": True})["count"] == 5
    assert api.post("/v1/captured/operate", {"operation": "delete", "filter": chosen})["count"] == 5
    assert api.post("/v1/captured/count", {"filter": chosen})["count"] == 0


def test_handling_holds_through_stop_and_start_and_changes_with_the_configuration(
    api: ControlApi, ports: dict[str, int], peer: SmtpPeer
) -> None:
    api.post("/v1/stop", {})
    api.post("/v1/start", {})
    submit(ports[DELIVERING], "shop@app.example", ["r@kept.example"], mail("Still kept"))
    assert wait(api, "subject=Still%20kept")["tray"] == "outbound"
    saved = api.patch("/v1/gateways/gw-capture", {"handling": {"action": "deliver"}, "port": peer.port})
    assert "gw-capture" not in str(saved["warnings"])
    submit(ports[DELIVERING], "shop@app.example", ["r@kept.example"], mail("Let through"))
    assert list(received(peer, "Let through").recipients) == ["r@kept.example"]
    changed = api.patch("/v1/gateways/gw-capture", {"handling": {"action": "capture"}, "port": 9})
    assert any("127.0.0.1:9" in warning for warning in changed["warnings"])
    explained = api.post("/v1/explain", {"sender": "a@app.example", "recipient": "r@kept.example"})
    assert explained["outcome"].startswith("Is captured in the test inbox")
    submit(ports[DELIVERING], "shop@app.example", ["r@kept.example"], mail("Kept again"))
    assert wait(api, "subject=Kept%20again")["tray"] == "outbound"


def test_captured_mail_survives_a_restart(tmp_path_factory: pytest.TempPathFactory, peer: SmtpPeer) -> None:
    port = free_port()
    process = RelayProcess(tmp_path_factory.mktemp("restart"))
    process.configure(Configuration(listeners=(Listener(id="ls-1", port=port, handling=Capture(), mode=ListenerMode.MX),)))
    with process:
        submit(port, "shop@app.example", ["q@any.example"], mail("Lasting", attachment=b"x" * 400_000))
        first = wait(process.api, "subject=Lasting")
        process.kill()
        process.start()
        assert wait(process.api, "subject=Lasting") == first
        assert process.api.call("GET", f"/v1/captured/{first['id']}/parts/2").body == b"x" * 400_000
        told: list[Any] = []
        api = process.api
        waiting = threading.Thread(target=lambda: told.append(api.call("GET", "/v1/captured/wait?subject=never&timeout=60")))
        waiting.start()
        time.sleep(0.3)
        assert process.stop() == 0
        waiting.join(10)
        assert (told[0].status, told[0].error) == (503, "unavailable"), "nobody is kept waiting until the time is over"
