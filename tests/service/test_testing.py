"""What Gatepost offers to the tests of other programs, used as they would use it: another folder, another pytest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.testing import CapturingRelay, NoMessage
from tests.support.submission import submit

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "resources" / "examples" / "pytest"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not as deep as pytest's own: relays are started in it."""
    with tempfile.TemporaryDirectory(prefix="gp-") as made:
        yield Path(made)


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": str(ROOT / "app")}


def test_the_example_passes_where_nothing_of_ours_lies_beside_it(folder: Path) -> None:
    shutil.copytree(EXAMPLE, folder / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "shop" / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder / "shop",
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
    assert not list(folder.glob("gatepost-*")), "the relay's folder is gone"


def test_a_deep_folder_for_temporary_files_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with CapturingRelay() as relay:
        submit(relay.port, "app@example.org", ["bob@example.com"])
        assert relay.inbox().wait().subject == "Minutes"


def test_a_relay_does_not_outlive_tests_that_were_killed(folder: Path) -> None:
    words = (
        "import time; from gatepost.testing import CapturingRelay; r = CapturingRelay().start();"
        " print(r._process.pid, flush=True); time.sleep(100)"
    )
    tests = subprocess.Popen([sys.executable, "-c", words], env=environment(folder), stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    relay = int(tests.stdout.readline())
    tests.send_signal(signal.SIGKILL)
    tests.wait(20)
    tests.stdout.close()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(relay, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the relay still runs")


def test_it_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    words = "import sys, gatepost.testing; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", words], env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=True
    )
    heavy = {"pydantic", "aiohttp", "peewee", "aiosmtpd", "pytest"}
    assert not heavy.intersection(name.partition(".")[0] for name in done.stdout.split())


def test_a_relay_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        CapturingRelay, "_command", staticmethod(lambda folder: [sys.executable, "-c", "raise SystemExit('no luck')"])
    )
    with pytest.raises(RuntimeError, match="no luck"):
        CapturingRelay().start()


def test_waiting_names_what_is_there_instead() -> None:
    with CapturingRelay() as relay:
        inbox = relay.inbox()
        submit(relay.port, "app@example.org", ["bob@example.com"])
        with pytest.raises(NoMessage, match=r"“Minutes” from app@example\.org to bob@example\.com"):
            inbox.wait(subject="Invoice", timeout=0.2)
        message = inbox.wait()
        with pytest.raises(NoMessage, match="was not to come"):
            relay.inbox().expect_none(subject="Minutes")
        assert message.source.endswith(b"Hello.\r\n")
        message.delete()
        assert inbox.messages() == []
