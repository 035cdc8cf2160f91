"""What holds for all tests: with GATEPOST_REQUIRE_ALL set, a test that this machine cannot run fails instead of skipping."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .support.relay_process import RelayProcess

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


TOGETHER = {f"tests/system/test_{name}.py": "the scanners, which are slow to start" for name in ("scanners", "screening")}
"""Modules that share what lives as long as the run, and so want the same worker."""
APART = ("tests/desktop/test_gallery.py",)
"""Modules of a few long tests that have little in common."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """For ``--dist loadscope``: a module's tests stay with one worker, so that what is made once for a module is made once. In
    the order in which they were found: by the number of tests, the longest would come last."""
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return nodeid if module in APART else TOGETHER.get(module, module)

    config.option.loadscopereorder = False
    return ByModule(config, log)


@pytest.fixture
def start_relay(tmp_path: Path) -> Iterator[Callable[..., RelayProcess]]:
    """Start a real relay process on a data folder of its own; the arguments are RelayProcess's. All end with the test."""
    with ExitStack() as stack:

        def start(*, name: str = "relay", **arguments: Any) -> RelayProcess:
            return stack.enter_context(RelayProcess(tmp_path / name, **arguments))

        yield start
