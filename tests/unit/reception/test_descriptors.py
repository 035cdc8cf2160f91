"""Running out of descriptors pauses new connections and nothing else; afterwards all is as before."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from gatepost.relay.reception.gate import RESERVED_DESCRIPTORS, Gate, descriptor_budget

from .support import Peer, configuration, site

FEW = 60
ROOT = Path(__file__).parents[3]


def test_the_budget_leaves_room_for_the_rest_of_the_relay() -> None:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 0 < descriptor_budget() <= max(soft - RESERVED_DESCRIPTORS, soft // 2)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_relay_that_ran_out_of_descriptors_recovers_by_itself(loop: str) -> None:
    code = [sys.executable, "-m", "tests.unit.reception.test_descriptors", loop]
    done = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": "app:."}, check=False)
    assert done.stdout.strip() == "served before, during and after", done.stdout + done.stderr


async def _run_out() -> None:
    """In a process of its own, whose descriptors are few; the clients live in another, which has plenty."""
    import resource

    config = configuration({"limits": {"connections_per_address": 1000}})
    async with site(config, gate=Gate(10_000)) as here:
        crowd = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CROWD, str(here.port), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        first = await here.session()
        resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW))
        crowd.stdin.write(b"go\n")
        assert await crowd.stdout.readline() == b"connected\n"
        await asyncio.sleep(0.5)
        await first.begin()
        during = await first.data(b"Subject: x\r\n\r\n.\r\n")
        crowd.stdin.close()
        await crowd.wait()
        await here.settle(1)
        async with asyncio.timeout(20):
            after: Peer = await here.session()
        await after.begin()
        reply = await after.data(b"Subject: x\r\n\r\n.\r\n")
        if during.startswith("250 ") and reply.startswith("250 "):
            print("served before, during and after")


_CROWD = f"""
import socket, sys
sys.stdin.readline()
kept = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5) for _ in range({2 * FEW})]
print("connected", flush=True)
sys.stdin.read()
"""

if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.run(_run_out())
    else:
        asyncio.run(_run_out())
