"""What a process gives back after its start: it takes less, and goes on working."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gatepost import memory

_PROGRAM = """
import hashlib, json, sqlite3, ssl, threading
from gatepost import memory
memory.keep_together()
def resident():
    taken = {"r-xp": 0, "r--p": 0}
    for line in open("/proc/self/smaps"):
        words = line.split()
        if "-" in words[0]:
            allowed = words[1]
        elif words[0] == "Rss:" and allowed in taken:
            taken[allowed] += int(words[1])
    return taken
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
    assert after["r-xp"] < before["r-xp"] - 1000, "at least a megabyte of machine code has run for the last time"
    assert after["r--p"] < before["r--p"] - 1000, "at least a megabyte of what the loader reads was read for the last time"
    assert (answer, has_context) == (42, True)


def test_only_what_is_as_in_its_file_is_given_back() -> None:
    found = memory._as_in_their_files(_SMAPS.encode())
    assert found == [(0x7F0000000000, 0x1000), (0x7F0000001000, 0x1000)]


def _mapping(start: int, allowed: str, file: str, own: int = 0, swapped: int = 0) -> str:
    inode = sum(file.encode())
    return (
        f"{start:x}-{start + 0x1000:x} {allowed} 00000000 08:01 {inode or 0}{' ' * 20}{file}\n"
        f"Size:                  4 kB\nRss:                   4 kB\nAnonymous: {own:14} kB\nSwap: {swapped:19} kB\n"
        "VmFlags: rd mr mw me\n"
    )


_SMAPS = "".join(
    [
        _mapping(0x7F0000000000, "r--p", "/lib/libwhole.so"),
        _mapping(0x7F0000001000, "r-xp", "/lib/libwhole.so"),
        _mapping(0x7F0000002000, "r--p", "/lib/libwhole.so", own=4),
        _mapping(0x7F0000003000, "r--p", "/lib/libwhole.so", swapped=4),
        _mapping(0x7F0000004000, "rw-p", "/lib/libwhole.so", own=4),
        _mapping(0x7F0000005000, "rw-p", "", own=4),
        _mapping(0x7F0000006000, "r--p", ""),
        _mapping(0x7F0000007000, "r--p", "/lib/libjustbeingloaded.so"),
        _mapping(0x7F0000008000, "r--s", "/usr/share/fonts/some.otf"),
    ]
)
