"""A program at a terminal, and a person who types there."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from select import select

PATIENCE = 60.0


def at_a_terminal(
    command: Sequence[str], *answers: tuple[str, str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> tuple[int, str]:
    """Run ``command`` and type each answer when its question stands there. Returns the exit code and all that was shown."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        command, stdin=there, stdout=there, stderr=there, start_new_session=True, env=environment, cwd=folder
    )
    os.close(there)
    seen, told = b"", 0
    waiting = list(answers)
    until = time.monotonic() + PATIENCE
    try:
        while select([here], [], [], max(0.0, until - time.monotonic()))[0]:
            try:
                more = os.read(here, 4096)
            except OSError:  # Linux: the other side has closed it
                more = b""
            if not more:
                return process.wait(PATIENCE), seen.decode()
            seen += more
            if waiting and waiting[0][0].encode() in seen[told:]:
                told = len(seen)
                os.write(here, f"{waiting.pop(0)[1]}\n".encode())
        raise AssertionError(f"It waits for something else: {seen.decode(errors='replace')}")
    finally:
        process.kill()
        process.wait()
        os.close(here)
