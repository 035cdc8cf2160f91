"""The figures of a real relay: complete, well-formed, and what the dashboard and the alert rules in resources/ ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.ports import wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import submit

MONITORING = Path(__file__).resolve().parents[2] / "resources" / "monitoring"
SAMPLE = re.compile(r"\bgatepost_[a-z_]+\b")


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    with SmtpPeer() as peer:
        process, port = relaying(tmp_path_factory.mktemp("metrics"), [plain(1, peer.port), plain(2, peer.port)])
        with process:
            submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: process.api.spooled == 0, "it is delivered")
            yield process


def text_of(relay: RelayProcess) -> str:
    return relay.api.call("GET", "/metrics").body.decode()


def families(relay: RelayProcess) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(text_of(relay))}


def exposed(relay: RelayProcess) -> set[str]:
    """Every name that a query may use, also of families that have no sample yet."""
    names: set[str] = set()
    for line in text_of(relay).splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names |= {f"{name}_{end}" for end in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return names


def test_prometheus_reads_all_of_it(relay: RelayProcess) -> None:
    found = families(relay)
    assert {sample.value for sample in found["gatepost_accepted"].samples} == {1}
    assert {sample.labels["name"] for sample in found["gatepost_gateway_info"].samples} == {
        f"127.0.0.1:{port}" for port in ports(relay)
    }
    for name in ("gatepost_gateway_healthy", "gatepost_gateway_resting", "gatepost_gateway_connections"):
        assert {sample.labels["gateway"] for sample in found[name].samples} == {"gw-1", "gw-2"}
    assert found["gatepost_gateway_last_delivery_timestamp_seconds"].samples
    assert found["gatepost_disk_free_bytes"].samples[0].value > 0
    assert found["gatepost_picked_up"].samples[0].value == 0, "what never happened is 0"


def ports(relay: RelayProcess) -> set[int]:
    return {gateway["port"] for gateway in relay.api.get("/v1/gateways")}


def test_commit_times_are_a_histogram_that_adds_up(relay: RelayProcess) -> None:
    samples = families(relay)["gatepost_spool_commit_seconds"].samples
    buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
    count = next(sample.value for sample in samples if sample.name.endswith("_count"))
    assert buckets == sorted(buckets)
    assert buckets[-1] == count >= 2, "a message was committed, and its delivery"
    assert next(sample.value for sample in samples if sample.name.endswith("_sum")) > 0


def test_refusals_are_counted_by_reason(relay: RelayProcess) -> None:
    listener = relay.api.get("/v1/status")["relay"]["listeners"][0]["port"]
    with pytest.raises(Exception, match=r"5\d\d|refused"):
        submit(listener, "ann@example.org", ["not an address"])
    refused = families(relay)["gatepost_refused"].samples
    assert all(sample.labels["reason"] for sample in refused)
    assert sum(sample.value for sample in refused) >= 1


def test_every_figure_of_the_dashboard_is_exposed(relay: RelayProcess) -> None:
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(asked) > 20
    queries = [*asked, *(variable.get("definition", "") for variable in dashboard["templating"]["list"])]
    queries += [one["expr"] for one in dashboard["annotations"]["list"]]
    named = {name for query in queries for name in SAMPLE.findall(query)}
    assert named - exposed(relay) == set()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_every_figure_of_the_alert_rules_is_exposed(relay: RelayProcess) -> None:
    text = (MONITORING / "alert-rules.yml").read_text(encoding="utf-8")
    expressions = re.findall(r"(?m)^ +expr: (.+)$", text)
    assert len(expressions) == text.count("- alert:") > 5
    assert {name for one in expressions for name in SAMPLE.findall(one)} - exposed(relay) == set()
