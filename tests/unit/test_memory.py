"""What a process gives back after its start: it takes less, and goes on working."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import hashlib, json, sqlite3, ssl, threading
from gatepost import memory
memory.keep_together()
def resident():
    return sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Rss:"))
before = resident()
memory.give_back()
after = resident()
connection = sqlite3.connect(":memory:")
threads = [threading.Thread(target=lambda: hashlib.sha256(b"x" * 1000000).hexdigest()) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps([before, after, connection.execute("SELECT 6 * 7").fetchone()[0], ssl.create_default_context() is not None]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked")
def test_a_process_takes_less_after_its_start_and_goes_on_working() -> None:
    import json

    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    before, after, answer, has_context = json.loads(done.stdout)
    assert after < before - 1000, "at least a megabyte of machine code has run for the last time"
    assert (answer, has_context) == (42, True)
