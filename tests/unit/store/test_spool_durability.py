"""The promise of 250: what was acknowledged survives a kill at any moment, and the file stays sound."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from gatepost.store.database import check
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool

from .spool_support import Clock

SCRIPT = textwrap.dedent(
    """
    import asyncio, os, sys
    from gatepost.model.envelope import Envelope, Recipient
    from gatepost.store.folder import DataFolder
    from gatepost.store.spool import Spool
    from gatepost.store.values import DeliveryResult, NewMessage, RecipientOutcome, RecipientState

    bob = Recipient("bob@example.org")

    async def session(spool, large):
        number = 0
        while True:
            number += 1
            content = b"x" * 4096
            if large:
                writer = spool.bodies.open_body()
                for _ in range(10):
                    await writer.write(bytes(30_000))
                content = await writer.finish()
            new = NewMessage(Envelope("a@example.com", (bob,)), content, (("pool", (bob,)),), 1.0, 1.0, 9e9)
            stored = await spool.submit(new)
            os.write(1, b"+%d\\n" % stored.id)
            if number % 3 == 0:
                os.write(1, b"-%d\\n" % stored.id)
                done = (RecipientOutcome(0, RecipientState.RELAYED, "250 ok"),)
                await spool.record(DeliveryResult(stored.deliveries[0], done))

    async def main():
        spool = Spool.open(DataFolder(sys.argv[1]))
        async with asyncio.TaskGroup() as group:
            for n in range(12):
                group.create_task(session(spool, n % 6 == 0))

    asyncio.run(main())
    """
)


def run_and_kill(folder: DataFolder, seconds: float) -> list[bytes]:
    """The lines that the relay's stand-in wrote before it was killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "app")}
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder.path)], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        head = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        return [line for line in (head + process.stdout.read()).split(b"\n")[:-1] if line]


@pytest.mark.parametrize("seconds", [0.05, 0.4])
async def test_every_acknowledged_message_is_there_after_a_kill(tmp_path: Path, seconds: float) -> None:
    folder = DataFolder(tmp_path / "data")
    lines = await asyncio.to_thread(run_and_kill, folder, seconds)
    acknowledged = {int(line[1:]) for line in lines if line.startswith(b"+")}
    perhaps_forgotten = {int(line[1:]) for line in lines if line.startswith(b"-")}
    assert len(acknowledged) > 10

    spool = Spool.open(folder, clock=Clock())
    assert spool.report.damage == ""
    present = await spool._list_readers.run(lambda c: {row[0] for row in c.execute("SELECT id FROM message")})
    lost = acknowledged - perhaps_forgotten - present
    assert not lost
    for number in present:
        content = await spool.load_content(number)
        assert len(content if isinstance(content, bytes) else content.read()) in (4096, 300_000)
    named = await spool._list_readers.run(
        lambda c: {r[0] for r in c.execute("SELECT body_file FROM message WHERE body_file > ''")}
    )
    assert set(spool.bodies.names()) == named
    assert spool.counts().total == len(present)
    assert spool.allocate_id() > max(acknowledged)
    await spool.aclose()
    assert check(folder.spool) == ""
