"""The figures on a TCP port: only when switched on, and on loopback unless somebody chose otherwise."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.ports import free_port, is_listening, wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import relaying


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    process, _ = relaying(tmp_path_factory.mktemp("monitoring"), [])
    with process:
        yield process


def switch(relay: RelayProcess, **settings: Any) -> None:
    relay.api.patch("/v1/settings", {"monitoring": settings})


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_figures_and_spool_counts_are_served_while_they_are_switched_on(relay: RelayProcess) -> None:
    port = free_port()
    switch(relay, metrics_enabled=True, metrics_port=port)
    wait_until(lambda: is_listening(port), "the port is open")
    status, text = get(f"http://127.0.0.1:{port}/metrics")
    assert status == 200
    assert "gatepost_spool_deliveries" in text
    assert 'gatepost_info{version="' in text
    status, counts = get(f"http://localhost:{port}/spool.json")
    assert status == 200
    assert json.loads(counts)["total"] == 0
    assert get(f"http://127.0.0.1:{port}/v1/status")[0] == 404, "figures and nothing else"
    switch(relay, metrics_enabled=False)
    wait_until(lambda: not is_listening(port), "the port is closed again")


def test_a_web_page_cannot_read_them(relay: RelayProcess) -> None:
    port = free_port()
    switch(relay, metrics_enabled=True, metrics_port=port)
    wait_until(lambda: is_listening(port), "the port is open")
    url = f"http://127.0.0.1:{port}/metrics"
    assert get(url, Host="evil.example")[0] == 403
    assert get(url, Origin="https://evil.example")[0] == 403
    assert get(url)[0] == 200
    switch(relay, metrics_enabled=False)


def test_a_port_that_is_taken_is_a_problem_that_is_shown_until_another_one_is_chosen(relay: RelayProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        switch(relay, metrics_enabled=True, metrics_port=other.getsockname()[1])
        wait_until(lambda: "metrics port" in str(relay.api.get("/v1/status")["relay"]["problems"]), "it is said")
    switch(relay, metrics_port=free_port())
    wait_until(lambda: not relay.api.get("/v1/status")["relay"]["problems"], "it is over")
    switch(relay, metrics_enabled=False)


def test_it_is_off_by_default(relay: RelayProcess) -> None:
    assert relay.api.get("/v1/settings")["monitoring"]["metrics_address"] == "127.0.0.1"
    assert not is_listening(relay.api.get("/v1/settings")["monitoring"]["metrics_port"])
