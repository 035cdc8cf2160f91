"""The figures as rows, a table, JSON, and the README's section."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from statistics import median

BEGIN = "<!-- bench:begin -->"
END = "<!-- bench:end -->"


@dataclass
class Figures:
    """Samples by measure, in the order in which the measures first came."""

    samples: dict[tuple[str, str], dict[str, list[float]]] = field(default_factory=dict)

    def add(self, measure: str, unit: str, peer: str, value: float) -> None:
        self.samples.setdefault((measure, unit), {}).setdefault(peer, []).append(value)

    def rows(self) -> list[Row]:
        return [
            Row(measure, unit, _median(by_peer.get("gatepost")), _median(by_peer.get("postfix")))
            for (measure, unit), by_peer in self.samples.items()
        ]


@dataclass(frozen=True)
class Row:
    measure: str
    unit: str
    gatepost: float | None
    postfix: float | None

    @property
    def ratio(self) -> float | None:
        """Gatepost's figure divided by Postfix's: for rates more is better, for times and memory less."""
        if self.gatepost is None or not self.postfix:
            return None
        return self.gatepost / self.postfix

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "ratio": self.ratio}


def _median(values: list[float] | None) -> float | None:
    return median(values) if values else None


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def markdown(rows: Sequence[Row]) -> str:
    lines = ["| measure | unit | Gatepost | Postfix | ratio |", "| --- | --- | ---: | ---: | ---: |"]
    for row in rows:
        cells = (row.measure, row.unit, _number(row.gatepost), _number(row.postfix), _number(row.ratio))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plain(rows: Sequence[Row]) -> str:
    table = [("measure", "unit", "Gatepost", "Postfix", "ratio")]
    table += [(r.measure, r.unit, _number(r.gatepost), _number(r.postfix), _number(r.ratio)) for r in rows]
    widths = [max(len(cells[i]) for cells in table) for i in range(5)]
    lines = (
        [
            f"{cell:<{width}}" if column < 2 else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        for cells in table
    )
    return "\n".join("  ".join(line) for line in lines)


def circumstances(repeat: int, filesystem: str, postfix: str) -> str:
    processors = os.cpu_count() or 1
    return (
        f"Measured on {date.today():%d %B %Y}: {processors} processor{'s' if processors > 1 else ''} shared with the load "
        f"generator and the sink, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {postfix}, both spools on the same {filesystem} file system, "
        f"median of {repeat} interleaved runs."
    )


def write_json(rows: Sequence[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.as_dict() for row in rows], indent=2) + "\n", encoding="utf-8")


def write_readme(readme: Path, rows: Sequence[Row], words: str) -> None:
    """Put the table between the README's markers. Raises ValueError when they are not there."""
    text = readme.read_text(encoding="utf-8")
    before, found_begin, rest = text.partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not (found_begin and found_end):
        raise ValueError(f"{readme} has no {BEGIN} … {END}")
    readme.write_text(f"{before}{BEGIN}\n{words}\n\n{markdown(rows)}{END}{after}", encoding="utf-8")
