"""Prometheus' text format 0.0.4, from the same counters as the overview."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ...model.report import MailPlane, StorageReport
from .facade import RelayFacade

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LABELS = {
    "refused": "reason",
    "connections": "listener",
    "tolerated_line_ends": "listener",
    "attempts": "outcome",
    "scored": "level",
    "virus_scans": "outcome",
    "captured": "by",
    "redirected": "by",
    "faults_injected": "rule",
}
"""What the label of a counter means; ``label`` for others."""

_COUNTED = (
    "accepted", "attempts", "bounced", "captured", "connections", "deferred", "delivered", "faults_injected", "picked_up",
    "redirected", "refused", "scored", "tolerated_line_ends", "virus_scans",
)  # fmt: skip
"""Counters that are there from the start, so that what never happened is 0 and not unknown."""

Sample = tuple[Mapping[str, str], float]


async def metrics_text(facade: RelayFacade) -> str:
    report, counts = await facade.report(), await facade.spool.counts()
    gateways, totals, storage = await facade.gateways(), await facade.totals(), await facade.storage()
    configuration, _ = await facade.configuration()
    lines: list[str] = []

    def family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> None:
        lines.extend((f"# HELP gatepost_{name} {help_text}", f"# TYPE gatepost_{name} {kind}"))
        lines.extend(_sample(name, labels, value) for labels, value in samples)

    family("info", "gauge", "The running version.", [({"version": report.version}, 1)])
    family("start_time_seconds", "gauge", "When the relay's process started.", [({}, report.started_at)])
    family("mail_running", "gauge", "1 while mail is taken and delivered.", [({}, report.mail is MailPlane.RUNNING)])
    family("delivery_paused", "gauge", "1 while delivery is paused.", [({}, report.delivery_paused)])
    family("vault_usable", "gauge", "1 while passwords can be read.", [({}, report.vault.usable)])
    states = (("waiting", counts.waiting), ("deferred", counts.deferred), ("held", counts.held))
    family("spool_deliveries", "gauge", "Deliveries in the spool by state.", [({"state": s}, n) for s, n in states])
    family("quarantined_messages", "gauge", "Messages in quarantine.", [({}, counts.quarantined)])
    family(
        "spool_lane_deliveries",
        "gauge",
        "Deliveries in the spool by lane.",
        [({"lane": k}, n) for k, n in counts.lanes.items()],
    )
    family(
        "gateway_healthy", "gauge", "1 while the gateway is healthy, 0 while it rests or is switched off.",
        [({"gateway": g.id}, g.health == "healthy") for g in gateways],
    )  # fmt: skip
    family(
        "gateway_info", "gauge", "What the gateways are called.",
        [({"gateway": g.id, "name": g.label, "mode": g.mode.value}, 1) for g in configuration.gateways],
    )  # fmt: skip
    family(
        "gateway_resting", "gauge", "1 while the gateway rests because it failed.",
        [({"gateway": g.id}, g.health == "resting") for g in gateways],
    )  # fmt: skip
    family(
        "gateway_connections", "gauge", "Open connections to the gateway.",
        [({"gateway": g.id}, g.connections) for g in gateways],
    )  # fmt: skip
    family(
        "gateway_last_delivery_timestamp_seconds", "gauge", "When the gateway last took a message.",
        [({"gateway": g.id}, g.last_delivery) for g in gateways if g.last_delivery is not None],
    )  # fmt: skip
    family(
        "gateway_remote_spool", "gauge", "What the SmarterMail server behind the gateway has in its own spool.",
        [({"gateway": g.id, "kind": kind}, count) for g in gateways for kind, count in g.remote_spool.items()],
    )  # fmt: skip
    family(
        "gateway_spooled", "gauge", "Deliveries waiting for the gateway.", [({"gateway": g.id}, g.spooled) for g in gateways]
    )
    family(
        "listener_connections", "gauge", "Open connections by listener.",
        [({"listener": item.id}, item.connections) for item in report.listeners],
    )  # fmt: skip
    age = max(0.0, time.time() - storage.oldest_waiting) if storage.oldest_waiting is not None else 0.0
    family("spool_oldest_age_seconds", "gauge", "Age of the oldest delivery that waits; looked at now and then.", [({}, age)])
    family("spool_commit_backlog", "gauge", "Operations that wait for a commit.", [({}, storage.backlog)])
    family("disk_free_bytes", "gauge", "Free room where the spool lies.", [({}, storage.free_bytes)])
    problems = Counter(problem.kind for problem in report.problems)
    family("problems", "gauge", "What needs attention, by kind.", [({"kind": k}, n) for k, n in sorted(problems.items())])
    lines.extend(_histogram(storage))
    for name, samples in _by_name(totals):
        family(f"{name}_total", "counter", f"Number of {name.replace('_', ' ')} since the start.", samples)
    return "\n".join(lines) + "\n"


def _by_name(totals: Mapping[tuple[str, str], int]) -> Iterator[tuple[str, list[Sample]]]:
    families: dict[str, list[Sample]] = {name: [] if name in _LABELS else [({}, 0)] for name in _COUNTED}
    for (name, label), value in sorted(totals.items()):
        if label:
            families.setdefault(name, []).append(({_LABELS.get(name, "label"): label}, value))
        else:
            families[name] = [({}, value)]
    for name, samples in families.items():
        yield "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name), samples


def _histogram(storage: StorageReport) -> Iterator[str]:
    name = "spool_commit_seconds"
    yield f"# HELP gatepost_{name} How long commits of the spool to the disk took."
    yield f"# TYPE gatepost_{name} histogram"
    so_far = 0
    bounds = [*(f"{bound:g}" for bound in storage.commit_bounds), "+Inf"]
    for bound, count in zip(bounds, storage.commit_buckets, strict=True):
        so_far += count
        yield _sample(f"{name}_bucket", {"le": bound}, so_far)
    yield _sample(f"{name}_sum", {}, storage.commit_seconds)
    yield _sample(f"{name}_count", {}, so_far)


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"gatepost_{name}{{{shown}}} {float(value):.17g}" if shown else f"gatepost_{name} {float(value):.17g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
