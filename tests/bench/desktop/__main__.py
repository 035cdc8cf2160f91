"""``python -m tests.bench.desktop``: measure the window, print the table, write build/bench-desktop.json.

A relay process holds a spool of a million deliveries for a server that does not answer; nothing of it is simulated. The window
is painted into memory (Qt's offscreen platform), which costs what painting costs and no more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ...support import procfs
from ...support.ports import free_port
from ...support.processes import Process
from ...support.relay_process import ROOT
from ..fill import fill_spool
from ..peers import GatepostPeer
from .window import FLOOD_EVENTS

ROWS = 1_000_000
STARTS = 7
REST_SECONDS = 15.0
SETTLED = 0.02
"""Share of a processor below which the relay counts as idle."""
FLOOD_SECONDS = 10.0


@dataclass(frozen=True)
class Measure:
    """``value`` is good where it is at most ``goal``."""

    measure: str
    unit: str
    value: float
    goal: float


class Window:
    """The app in a process of its own, and what it printed."""

    def __init__(self, environment: dict[str, str], data: Path, rows: int) -> None:
        self._environment = environment
        self._data = data
        self._rows = rows

    def command(self, mode: str) -> list[str]:
        return [sys.executable, "-OO", "-m", "tests.bench.desktop.window", mode, str(self._data), str(self._rows)]

    def run(self, mode: str, timeout: float = 300) -> dict[str, float]:
        done = subprocess.run(
            self.command(mode), env=self._environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
        )
        notes = "\n".join(line for line in done.stderr.splitlines() if "propagateSizeHints" not in line)
        if done.returncode:
            raise AssertionError(f"the window ended with {done.returncode} in mode {mode}\n{done.stdout}\n{notes}")
        if notes:
            print(f"  {notes}", flush=True)
        return results(done.stdout)

    def start(self) -> float:
        began = time.monotonic()
        return self.run("start")["first paint at"] - began

    def rest(self, folder: Path) -> tuple[float, int]:
        """Share of a processor, and resident memory in octets, of a window that shows the whole list and rests."""
        with Process(self.command("rest"), log=folder / "rest.log", environment=self._environment, folder=ROOT) as process:
            process.wait_until(lambda: "at rest" in process.output(), "the window is at rest", 120)
            time.sleep(3)
            before = procfs.processor_seconds(process.pid)
            time.sleep(REST_SECONDS)
            used = procfs.processor_seconds(process.pid) - before
            memory = procfs.resident(process.pid)
        return used / REST_SECONDS, memory


def results(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if line.startswith("{"):
            item = json.loads(line)
            found[str(item["name"])] = float(item["value"])
    return found


def measure_all(folder: Path, rows: int, starts: int) -> Iterator[Measure]:
    with full_relay(folder, rows) as (environment, data):
        window = Window(environment, data, rows)
        window.start()  # compiles what was not compiled yet
        taken = statistics.median(window.start() for _ in range(starts))
        yield Measure("start to first paint", "ms", taken * 1000, 500)
        found = window.run("use")
        yield Measure(f"open a list of {rows:,} rows: rows can be read", "ms", found["list readable"] * 1000, 500)
        yield Measure(f"open a list of {rows:,} rows: all of it is there", "ms", found["list whole"] * 1000, 1000)
        yield Measure("scroll by the wheel, a frame: 95 of 100", "ms", found["scroll 95 %"] * 1000, 16.7)
        yield Measure("jump anywhere in the list, a frame: 95 of 100", "ms", found["jump 95 %"] * 1000, 16.7)
        yield Measure("longest pause while the whole list is read anew", "ms", found["refresh pause"] * 1000, 100)
        yield Measure("switch the theme", "ms", found["theme switch"] * 1000, 50)
        yield Measure("show a page for the first time: the slowest", "ms", found["page first shown"] * 1000, 100)
        yield Measure("show a page again: the slowest", "ms", found["page shown again"] * 1000, 100)
        share, memory = window.rest(folder)
        yield Measure("processor at rest", "%", share * 100, 1)
        yield Measure("memory of the window with the list open", "MB", memory / 1e6, 120)
    with flood_of_events(folder) as (environment, data):
        found = Window(environment, data, 0).run("flood")
        yield Measure(f"{FLOOD_EVENTS:,} events in 10 s: input waits, 999 of 1000", "ms", found["input 99.9 %"] * 1000, 100)
        yield Measure(f"{FLOOD_EVENTS:,} events in 10 s: input waits at most", "ms", found["input longest"] * 1000, 100)


@contextmanager
def full_relay(folder: Path, rows: int) -> Iterator[tuple[dict[str, str], Path]]:
    """A relay that owes ``rows`` messages to a server that does not answer, once it has come to rest."""
    peer = GatepostPeer(folder / "full", free_port(), deliver=True)
    print(f"filling a spool with {rows:,} messages …", flush=True)
    fill_spool(peer.relay.data, rows)
    with peer:
        _settle(peer.pid)
        yield _environment(peer.relay.environment, folder), peer.relay.data


@contextmanager
def flood_of_events(folder: Path) -> Iterator[tuple[dict[str, str], Path]]:
    runtime, data = Path(tempfile.mkdtemp(prefix="gp-")), folder / "flood"
    data.mkdir()
    environment = _environment({**os.environ, "XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(ROOT / "app")}, folder)
    command = [sys.executable, "-m", "tests.support.event_flood", str(data), str(FLOOD_EVENTS), str(FLOOD_SECONDS)]
    try:
        with Process(command, log=folder / "flood.log", environment=environment, folder=ROOT) as flood:
            flood.wait_until(lambda: any(runtime.rglob("endpoint.json")), "the events can be followed", 20)
            yield environment, data
    finally:
        shutil.rmtree(runtime, ignore_errors=True)


def _environment(given: dict[str, str], folder: Path) -> dict[str, str]:
    return {**given, "XDG_CONFIG_HOME": str(folder / "config"), "LANG": "C.UTF-8"}


def _settle(pid: int, timeout: float = 300) -> None:
    ends = time.monotonic() + timeout
    while True:
        before = procfs.processor_seconds(pid)
        time.sleep(1)
        if procfs.processor_seconds(pid) - before < SETTLED or time.monotonic() > ends:
            return


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.desktop", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--quick", action="store_true", help="50,000 rows, fewer runs")
    options = parser.parse_args()
    rows, starts = (50_000, 3) if options.quick else (options.rows, STARTS)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    taken: list[Measure] = []
    with tempfile.TemporaryDirectory(dir=build, prefix="bench-desktop-") as folder:
        for measure in measure_all(Path(folder), rows, starts):
            taken.append(measure)
            sign = "   " if measure.value <= measure.goal else " ! "
            print(f"{sign}{measure.measure:62} {measure.value:8.1f} {measure.unit:3} (at most {measure.goal:g})", flush=True)
    print(f"Load average {os.getloadavg()[0]:.1f}: what shares the machine slows the window, too.")
    path = build / "bench-desktop.json"
    rounded = [{**asdict(measure), "value": round(measure.value, 2)} for measure in taken]
    path.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    print(f"Written to {path.relative_to(ROOT)}")
    missed = [measure.measure for measure in taken if measure.value > measure.goal]
    if missed:
        print(f"Missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
