"""Fixtures of the tests with real servers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import scanners
from tests.support.mail_tools import unmet


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to other accounts all the way up, unlike tmp_path: Postfix's processes give up root."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def ports() -> Iterator[scanners.Ports]:
    """Of spamd, rspamd and clamd, running."""
    if absent := scanners.missing("spamd", "rspamd", "clamd"):
        unmet(f"not installed: {', '.join(absent)}")
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        with scanners.all_three(Path(name)) as running:
            yield running
