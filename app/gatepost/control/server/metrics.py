"""Prometheus' text format 0.0.4, from the same counters as the overview."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ...model.report import MailPlane
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

Sample = tuple[Mapping[str, str], float]


async def metrics_text(facade: RelayFacade) -> str:
    report, counts = await facade.report(), await facade.spool_counts()
    gateways, totals = await facade.gateways(), await facade.totals()
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
        "gateway_spooled", "gauge", "Deliveries waiting for the gateway.", [({"gateway": g.id}, g.spooled) for g in gateways]
    )
    family(
        "listener_connections", "gauge", "Open connections by listener.",
        [({"listener": item.id}, item.connections) for item in report.listeners],
    )  # fmt: skip
    for name, samples in _by_name(totals):
        family(f"{name}_total", "counter", f"Number of {name.replace('_', ' ')} since the start.", samples)
    return "\n".join(lines) + "\n"


def _by_name(totals: Mapping[tuple[str, str], int]) -> Iterator[tuple[str, list[Sample]]]:
    families: dict[str, list[Sample]] = {}
    for (name, label), value in sorted(totals.items()):
        families.setdefault(name, []).append(({_LABELS.get(name, "label"): label} if label else {}, value))
    for name, samples in families.items():
        yield "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name), samples


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"gatepost_{name}{{{shown}}} {float(value):.17g}" if shown else f"gatepost_{name} {float(value):.17g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
