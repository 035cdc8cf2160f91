"""What holds for all tests: with GATEPOST_REQUIRE_ALL set, a test that this machine cannot run fails instead of skipping."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .support.relay_process import ROOT, RelayProcess

RIGHTLY_SKIPPED = re.compile(r"^only on |has its own test$")
"""Reasons that do not speak of something missing: the test belongs to another system, or the case to another test."""


def _as_failure(report: Any) -> None:
    if not report.skipped or hasattr(report, "wasxfail") or not os.environ.get("GATEPOST_REQUIRE_ALL"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not RIGHTLY_SKIPPED.search(reason):
        report.outcome = "failed"
        report.longrepr = f"skipped where GATEPOST_REQUIRE_ALL forbids it: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    _as_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[Any]:
    report = yield
    _as_failure(report)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests measured and recorded as ``told``, also where they ran in processes of their own."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in getattr(report, "user_properties", ()):
                if name == "told" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(text)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is made once for a module is made once, and not once for each worker: its tests stay together (``make test`` runs
    them by ``--dist loadgroup``). ``spread`` is for a few long tests whose fixtures cost little."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None and item.get_closest_marker("spread") is None and _shares(item):
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(ROOT).as_posix()))


def _shares(item: pytest.Item) -> bool:
    found = getattr(item, "_fixtureinfo", None)
    chains = found.name2fixturedefs.values() if found is not None else ()
    return any(chain[-1].scope in ("module", "session") and chain[-1].baseid.startswith("tests/") for chain in chains)


@pytest.fixture
def start_relay(tmp_path: Path) -> Iterator[Callable[..., RelayProcess]]:
    """Start a real relay process on a data folder of its own; the arguments are RelayProcess's. All end with the test."""
    with ExitStack() as stack:

        def start(*, name: str = "relay", **arguments: Any) -> RelayProcess:
            return stack.enter_context(RelayProcess(tmp_path / name, **arguments))

        yield start
