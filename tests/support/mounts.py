"""Small file systems of a test's own, where it may mount some."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def memory_disk(options: str) -> Iterator[Path]:
    """A file system in memory with these mount options. The test is skipped where nothing may be mounted."""
    with tempfile.TemporaryDirectory(prefix="gatepost-disk-") as name:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", name]
        try:
            mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            mounted = False
        if not mounted:
            pytest.skip("only on machines where a test may mount a file system")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)
