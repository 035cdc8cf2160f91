"""The control API of a real relay, called with what nobody means well with: it answers in words and goes on."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.support.control import Answer, ControlApi
from tests.support.hostile import Hostility
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying

NOT_CALLED = re.compile(r"shut-down|/events|openapi|/send-test|verify|doctor|smartermail")
"""What ends the relay, never ends itself, or speaks with other machines."""
HUGE = (2**63, 10**30, "9" * 30, 1e308)


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    process, _ = relaying(tmp_path_factory.mktemp("hostile"), [plain(1, 2525)])
    with process:
        yield process


@pytest.fixture
def api(relay: RelayProcess) -> ControlApi:
    return relay.api


def check(answer: Answer, told: object) -> None:
    assert answer.status < 500 or answer.status == 503, (told, answer.body[:500])
    if answer.status >= 400:
        error = answer.json["error"]
        assert error["code"], told
        assert error["title"], told


@pytest.mark.parametrize("seed", range(4))
def test_no_call_whatever_it_holds_is_a_fault_of_ours(relay: RelayProcess, api: ControlApi, seed: int) -> None:
    calls = Hostility(api.get("/v1/openapi.json"), seed)
    for call in calls.round(NOT_CALLED):
        check(api.call(call.method, call.path[:7000], call.body, call.headers), call)
    assert relay.process.is_running
    assert "Traceback" not in (relay.data / "logs" / "relay.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize(
    "field", ["offset", "limit", "min_size", "received_after", "received_before", "after", "before", "ids"]
)
@pytest.mark.parametrize("kind", ["spool", "captured", "quarantine"])
def test_numbers_that_no_database_holds_are_refused_or_match_nothing(
    api: ControlApi, kind: str, field: str, number: object
) -> None:
    value = [number] if field == "ids" else number
    body = {field: value} if field in ("offset", "limit") else {"filter": {field: value}}
    for what in ("list", "ids", "count"):
        check(api.call("POST", f"/v1/{kind}/{what}", body), (what, body))


@pytest.mark.parametrize("field", ["since", "until", "before", "limit"])
@pytest.mark.parametrize("number", HUGE)
def test_the_same_of_tracking(api: ControlApi, field: str, number: object) -> None:
    check(api.call("POST", "/v1/tracking/search", {field: number}), field)


@pytest.mark.parametrize(
    "path", ["revisions?before=", "revisions?limit=", "captured/wait?timeout=0&after=", "history?minutes="]
)
@pytest.mark.parametrize("number", ["9223372036854775808", "9" * 30, "-1", "1e308", "0x10", "١"])
def test_the_same_of_queries(api: ControlApi, path: str, number: str) -> None:
    check(api.call("GET", f"/v1/{path}{quote(number)}"), path + number)


def test_a_body_beyond_the_limit_is_refused_and_not_read_on(api: ControlApi) -> None:
    answer = api.call("POST", "/v1/spool/list", json.dumps({"x": "y" * 9_000_000}).encode())
    assert (answer.status, answer.error) == (413, "too-large")


NO_HTTP = (
    b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"\x00" * 1000,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"GET / HTTP/1.1\r\n Traceback: folded\r\n\r\n",
    b"EHLO client.example.com\r\n",
)


def test_what_is_no_http_costs_a_line_of_the_log(relay: RelayProcess, api: ControlApi) -> None:
    where = relay.endpoint()
    assert where is not None
    for request in NO_HTTP:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(where["socket"])
            with contextlib.suppress(ConnectionError):
                client.sendall(request)
                assert client.recv(1000).startswith(b"HTTP/1.0 400 Bad Request\r\n")
    assert api.get("/v1/status")
    log = (relay.data / "logs" / "relay.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    said = log.count("info control.server.http_log: refused what is no HTTP request (")
    assert said == len(NO_HTTP) - 2, "of what is not even a method nothing is said: it may be TLS, or another protocol"


def test_a_body_that_unpacks_without_end_is_refused(relay: RelayProcess, api: ControlApi) -> None:
    packed = gzip.compress(bytes(50_000_000))
    answer = api.call("POST", "/v1/spool/list", packed, {"Content-Encoding": "gzip"})
    assert (answer.status, answer.error) == (413, "too-large")
