"""``python -m tests.bench``: measure, print the table, write build/bench.json and the README's section."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..support.mail_tools import SmtpSink, smtp_source
from ..support.postfix import why_unavailable
from . import fill, inbound, measures, report, screening
from .measures import COSTED, SHAPES
from .peers import GatepostPeer, Peer, PostfixPeer

ROOT = Path(__file__).resolve().parents[2]
Kind = type[GatepostPeer] | type[PostfixPeer]
GROUPS = ("accept", "end-to-end", "large", "inbound", "screening", "idle", "fill")
MEGA = 1_000_000


@dataclass(frozen=True)
class Plan:
    """How much is sent. ``timeout`` bounds every single run, in seconds."""

    repeat: int
    accepted: int
    delivered: int
    large: int
    filled: int
    probed: int
    timeout: float = 120


def main() -> int:
    options = _options()
    plan = (
        Plan(options.repeat or 1, accepted=3000, delivered=1500, large=10, filled=50_000, probed=100)
        if options.quick
        else Plan(options.repeat or 3, accepted=6000, delivered=4000, large=40, filled=1_000_000, probed=100)
    )
    filesystem = _filesystem(options.folder)
    if filesystem in ("tmpfs", "ramfs"):
        print(f"{options.folder} lies in memory ({filesystem}); name a folder on a disk with --folder.", file=sys.stderr)
        return 1
    reason = None if options.only_gatepost else why_unavailable()
    if reason:
        print(f"Measuring Gatepost alone: {reason}.", file=sys.stderr)
    kinds: list[Kind] = [GatepostPeer] if reason or options.only_gatepost else [GatepostPeer, PostfixPeer]
    if options.only_postfix:
        kinds = [PostfixPeer]
    figures = report.Figures()
    with _work_folder(options.folder) as folder:
        bench = Bench(plan, folder, figures, kinds)
        failed = [group for group in options.group or GROUPS if not bench.run(group)]
    rows = figures.rows()
    words = report.circumstances(plan.repeat, filesystem, _postfix_version() if PostfixPeer in kinds else "no Postfix")
    print(f"\n{report.plain(rows)}\n\n{words}")
    report.write_json(rows, ROOT / "build" / "bench.json")
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    if not options.quick and not options.group and len(kinds) > 1:
        report.write_readme(ROOT / "README.md", rows, words)
        print("Written to build/bench.json and README.md")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer messages, one run of each; the README stays as it is")
    parser.add_argument("--repeat", type=int, help="runs of each measure (3; with --quick 1)")
    parser.add_argument("--group", action="append", choices=GROUPS, help="only these measures; the README stays as it is")
    parser.add_argument("--folder", type=Path, default=ROOT / "build", help="where both keep their mail (build/)")
    parser.add_argument("--only-gatepost", action="store_true")
    parser.add_argument("--only-postfix", action="store_true")
    return parser.parse_args()


@dataclass
class Bench:
    plan: Plan
    folder: Path
    figures: report.Figures
    kinds: Sequence[Kind]

    def run(self, group: str) -> bool:
        """Whether the group's figures could be taken; one that cannot must not cost the others."""
        began = time.monotonic()
        print(f"{group} …", end=" ", flush=True)
        measure = {
            "accept": self.accept,
            "end-to-end": self.end_to_end,
            "large": self.large,
            "screening": self.screening,
            "idle": self.idle,
            "inbound": self.inbound,
            "fill": self.fill,
        }[group]
        try:
            measure()
        except (AssertionError, OSError) as error:
            print(f"failed: {error}", flush=True)
            return False
        print(f"{time.monotonic() - began:.0f} s", flush=True)
        return True

    @contextmanager
    def _peers(self, *, deliver: bool) -> Iterator[tuple[list[Peer], SmtpSink]]:
        """Both servers at once; the one that is not measured is idle."""
        with ExitStack() as stack:
            sink = stack.enter_context(SmtpSink(self.folder))
            peers: list[Peer] = []
            for kind in self.kinds:
                peer: GatepostPeer | PostfixPeer = kind(self.folder / kind.name, sink.port, deliver=deliver)
                stack.enter_context(peer)
                peers.append(peer)
            yield peers, sink

    def _interleaved(self, peers: list[Peer]) -> Iterator[Peer]:
        """Each peer ``repeat`` times, in turns, the first of a round alternating."""
        for number in range(self.plan.repeat):
            yield from peers if number % 2 == 0 else reversed(peers)

    def accept(self) -> None:
        with self._peers(deliver=False) as (peers, _):
            for peer in peers:
                smtp_source(peer.port, 200, sessions=10, timeout=self.plan.timeout)
                peer.discard()
            for shape in SHAPES:
                for peer in self._interleaved(peers):
                    run = measures.accept(peer, shape, self.plan.accepted, self.plan.timeout)
                    self.figures.add(f"accept 4 KB, {shape}", "messages/s", peer.name, run.rate)
                    if shape is COSTED:
                        self.figures.add(f"accept 4 KB, {shape}", "processor s / 1,000", peer.name, run.processor)

    def end_to_end(self) -> None:
        with self._peers(deliver=True) as (peers, sink):
            for peer in peers:
                measures.end_to_end(peer, sink, COSTED, 200, self.plan.timeout)
            for shape in SHAPES:
                for peer in self._interleaved(peers):
                    run = measures.end_to_end(peer, sink, shape, self.plan.delivered, self.plan.timeout)
                    self.figures.add(f"end to end 4 KB, {shape}", "messages/s", peer.name, run.rate)
                    if shape is COSTED:
                        self.figures.add(f"end to end 4 KB, {shape}", "processor s / 1,000", peer.name, run.processor)

    def large(self) -> None:
        with self._peers(deliver=True) as (peers, sink):
            for peer in peers:
                measures.end_to_end(peer, sink, COSTED, 100, self.plan.timeout)
            for peer in self._interleaved(peers):
                run = measures.large(peer, sink, self.plan.large, self.plan.timeout)
                self.figures.add("end to end 10 MB, ten at once", "messages/s", peer.name, run.rate)
                self.figures.add("… peak memory", "MB", peer.name, run.peak / MEGA)
                self.figures.add("… a small message accepted meanwhile", "ms", peer.name, run.latency * 1000)

    def screening(self) -> None:
        if GatepostPeer not in self.kinds:
            return
        if absent := screening.missing():
            print(f"left out, not installed: {', '.join(absent)}", end=" ")
            return
        found = screening.measure(self.folder, 6 * self.plan.repeat, self.plan.probed)
        for measure, value in zip(
            (
                "accept one 4 KB message that is not scored",
                "… beside sessions whose mail spamd scores",
                "… beside the same scoring asked for without the relay",
            ),
            found.medians,
            strict=True,
        ):
            self.figures.add(measure, "ms", "gatepost", value * 1000)
        self.figures.add("… slowed by the scoring of others' mail", "%", "gatepost", found.slowed)
        if found.others > screening.QUIET:
            print(f"(others used up to {found.others:.0%} of a processor meanwhile)", end=" ")

    def idle(self) -> None:
        for _ in range(self.plan.repeat):
            with self._peers(deliver=True) as (peers, _):
                time.sleep(2)
                for peer in peers:
                    self.figures.add("memory when idle", "MB", peer.name, peer.memory() / MEGA)

    def inbound(self) -> None:
        if GatepostPeer not in self.kinds:
            return
        for figure in inbound.measure(self.folder, self.plan.repeat, self.plan.accepted, self.plan.timeout):
            measure = f"accept 4 KB, {COSTED}, {figure.variant}"
            self.figures.add(measure, "messages/s", "gatepost", figure.run.rate)
            self.figures.add(measure, "processor s / 1,000", "gatepost", figure.run.processor)
            if figure.share is not None:
                self.figures.add(f"… {figure.variant}: of the plain relay's", "%", "gatepost", figure.share)

    def fill(self) -> None:
        if GatepostPeer not in self.kinds:
            return
        count = self.plan.filled
        found = fill.measure(self.folder, count, self.plan.delivered, self.plan.timeout)
        held = f"{count:,} messages held for a dead destination"
        rows = (
            (f"start with {held}", "s", found.start_seconds),
            ("… until it is idle again", "s", found.settled_seconds),
            ("… memory when idle", "MB", found.idle / MEGA),
            ("… accept and deliver 4 KB, 10 kept open", "messages/s", found.accept),
            ("    the same with an empty spool", "messages/s", found.accept_empty),
            ("… deliver one message to a live destination", "ms", found.live_delivery * 1000),
            ("    the same with an empty spool", "ms", found.live_delivery_empty * 1000),
        )
        for measure, unit, value in rows:
            self.figures.add(measure, unit, "gatepost", value)


@contextmanager
def _work_folder(parent: Path) -> Iterator[Path]:
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    folder.chmod(0o755)  # Postfix's processes give up root and must still get to their queue
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _filesystem(folder: Path) -> str:
    """The type of the file system that ``folder`` lies, or will lie, on."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()).resolve()
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, point, kind, *_ = line.split()
        if existing.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def _postfix_version() -> str:
    done = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True, check=False)
    return f"Postfix {done.stdout.strip()}" if done.returncode == 0 else "Postfix"


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
