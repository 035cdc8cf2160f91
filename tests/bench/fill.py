"""A spool with a million messages for a destination that does not answer: what does it cost everybody else?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from gatepost.model.envelope import Envelope, Origin, Recipient
from gatepost.store.bodies import Bodies
from gatepost.store.database import open_database
from gatepost.store.folder import DataFolder
from gatepost.store.spool_counts import SpoolUnit
from gatepost.store.spool_insert import Insert
from gatepost.store.spool_schema import SPOOL
from gatepost.store.values import NewMessage

from ..support import procfs
from ..support.mail_tools import SmtpSink
from .measures import COSTED, accept, one_message
from .peers import DEAD_DOMAIN, DEAD_GATEWAY, GatepostPeer

_BATCH = 2000
_DAY = 86_400.0


def fill_spool(data_folder: Path, count: int, *, clock: Callable[[], float] = time.time, size: int = 1000) -> None:
    """Put ``count`` messages of ``size`` octets for the dead gateway into the spool of a relay that does not run.

    It writes the rows that ``Spool.submit`` would, through the same code, but without a flush for each commit: about
    20,000 messages a second. They were received within the last day, are due now and expire in five days.
    """
    folder = DataFolder(data_folder)
    database, _ = open_database(folder.spool, SPOOL, folder, clock, synchronous="OFF", cache_kib=64_000)
    try:
        connection = database.connection()
        unit = SpoolUnit(connection, Bodies(folder.bodies))
        insert = Insert(unit)
        (highest,) = connection.execute("SELECT ifnull(max(id), 0) FROM message").fetchone()
        now = clock()
        for start in range(0, count, _BATCH):
            numbers = range(start, min(start + _BATCH, count))
            messages = [_message(highest + 1 + n, now - _DAY * (1 - n / count), now, size) for n in numbers]
            connection.execute("BEGIN IMMEDIATE")
            insert.run(connection, messages)
            connection.execute("COMMIT")
            unit.committed()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        database.close()


def _message(number: int, received_at: float, now: float, size: int) -> NewMessage:
    recipient = Recipient(f"user{number}@{DEAD_DOMAIN}")
    envelope = Envelope("sender@example.org", (recipient,), origin=Origin("ls-bench", "127.0.0.1", "bench.example.org"))
    head = f"From: sender@example.org\r\nTo: {recipient.address}\r\nSubject: Number {number}\r\n\r\n".encode()
    return NewMessage(
        envelope=envelope,
        content=head + b"x" * max(0, size - len(head) - 2) + b"\r\n",
        parts=((f"gateway:{DEAD_GATEWAY}", (recipient,)),),
        received_at=received_at,
        due_at=now,
        expires_at=now + 5 * _DAY,
        subject=f"Number {number}",
        id=number,
    )


@dataclass(frozen=True)
class Filled:
    """Figures of a relay with a full spool. Seconds, octets, messages a second."""

    fill_seconds: float
    start_seconds: float
    settled_seconds: float
    """Until it was idle again after the start: the integrity check of a large file runs beside the mail, and what
    was written past the relay is put into its lanes once."""
    idle: int
    accept: float
    accept_empty: float
    live_delivery: float
    live_delivery_empty: float


def measure(folder: Path, count: int, messages: int, timeout: float) -> Filled:
    with SmtpSink(folder) as sink:
        with GatepostPeer(folder / "empty", sink.port, deliver=True) as empty:
            empty_figures = _figures(empty, sink, messages, timeout)
        full = GatepostPeer(folder / "full", sink.port, deliver=True)
        began = time.monotonic()
        fill_spool(full.relay.data, count)
        filled = time.monotonic() - began
        began = time.monotonic()
        with full:
            started = time.monotonic() - began
            settled = _settle(full.pid)
            idle = full.memory()
            figures = _figures(full, sink, messages, timeout)
            assert full.queued() >= count, "mail for the dead destination must still be there"
    return Filled(filled, started, settled, idle, figures[0], empty_figures[0], figures[1], empty_figures[1])


def _figures(peer: GatepostPeer, sink: SmtpSink, messages: int, timeout: float) -> tuple[float, float]:
    """Accept rate (delivery to the live gateway going on beside) and the median time to deliver one message."""
    arrived = sink.count
    rates = [accept(peer, COSTED, messages, timeout).rate for _ in range(3)]
    sink.wait_for(arrived + 3 * messages, timeout)
    return median(rates), median(one_message(peer.port, sink, timeout) for _ in range(9))


def _settle(pid: int, timeout: float = 120) -> float:
    """Wait until the process uses less than 5 % of a processor; returns how long that took."""
    began = time.monotonic()
    while True:
        before = procfs.processor_seconds(pid)
        time.sleep(0.5)
        if procfs.processor_seconds(pid) - before < 0.025:
            return time.monotonic() - began - 0.5
        if time.monotonic() - began > timeout:
            raise AssertionError(f"the relay was still busy {timeout:g} s after its start")
