"""One function for each figure. Rates are messages a second, times seconds, memory octets."""

from __future__ import annotations

import smtplib
import threading
import time
from dataclasses import dataclass
from statistics import median

from ..support import procfs
from ..support.mail_tools import SmtpSink, smtp_source
from ..support.ports import wait_until
from .peers import Peer

SMALL = 4096
LARGE = 10_000_000
"""10 MB; Postfix's own limit is 10,240,000."""
SETTLE = 0.3
"""Time for what follows a run (journal, log) before its processor time is read."""


@dataclass(frozen=True)
class Shape:
    """How the load generator connects."""

    sessions: int
    kept_open: bool

    def __str__(self) -> str:
        return f"{self.sessions} kept open" if self.kept_open else f"{self.sessions}, a connection each"


SHAPES = (Shape(10, True), Shape(50, True), Shape(10, False), Shape(50, False))
COSTED = SHAPES[0]
"""The shape whose processor time is reported."""


@dataclass(frozen=True)
class Run:
    """``rate`` in messages a second, ``processor`` in seconds for 1,000 messages."""

    rate: float
    processor: float


def accept(peer: Peer, shape: Shape, messages: int, timeout: float) -> Run:
    """Accept durably, with delivery off."""
    before = procfs.processor_seconds(peer.pid)
    taken = smtp_source(peer.port, messages, sessions=shape.sessions, length=SMALL, kept_open=shape.kept_open, timeout=timeout)
    time.sleep(SETTLE)
    used = procfs.processor_seconds(peer.pid) - before
    peer.discard()
    return Run(messages / taken, used * 1000 / messages)


def end_to_end(peer: Peer, sink: SmtpSink, shape: Shape, messages: int, timeout: float) -> Run:
    """From the first octet sent to the last message at the sink and an empty spool."""
    arrived = sink.count
    before = procfs.processor_seconds(peer.pid)
    began = time.monotonic()
    smtp_source(peer.port, messages, sessions=shape.sessions, length=SMALL, kept_open=shape.kept_open, timeout=timeout)
    sink.wait_for(arrived + messages, timeout)
    wait_until(lambda: peer.queued() == 0, f"{peer.name}'s spool is empty", timeout)
    taken = time.monotonic() - began
    time.sleep(SETTLE)
    used = procfs.processor_seconds(peer.pid) - before
    return Run(messages / taken, used * 1000 / messages)


@dataclass(frozen=True)
class LargeRun:
    rate: float
    peak: int
    latency: float
    """Median time of a small message meanwhile: connect to 250 after the dot."""


def large(peer: Peer, sink: SmtpSink, messages: int, timeout: float, sessions: int = 10) -> LargeRun:
    """Ten 10 MB messages at a time, end to end, with small ones sent beside them."""
    arrived = sink.count
    samples: list[int] = []
    latencies: list[float] = []
    done = threading.Event()
    peer.begin_peak()
    watchers = [
        threading.Thread(target=_sample_memory, args=(peer, samples, done)),
        threading.Thread(target=_send_small, args=(peer.port, latencies, done)),
    ]
    for watcher in watchers:
        watcher.start()
    began = time.monotonic()
    try:
        smtp_source(peer.port, messages, sessions=sessions, length=LARGE, timeout=timeout)
    finally:
        done.set()
        for watcher in watchers:
            watcher.join()
    sink.wait_for(arrived + messages + len(latencies), timeout)
    taken = time.monotonic() - began
    wait_until(lambda: peer.queued() == 0, f"{peer.name}'s spool is empty", timeout)
    assert latencies, "no small message got through"
    return LargeRun(messages / taken, peer.peak(max(samples)), median(latencies))


def _sample_memory(peer: Peer, samples: list[int], done: threading.Event) -> None:
    samples.append(peer.memory())
    while not done.wait(0.2):
        samples.append(peer.memory())


def _send_small(port: int, latencies: list[float], done: threading.Event) -> None:
    text = "From: sender@example.org\r\nTo: recipient@example.com\r\nSubject: small\r\n\r\nSmall.\r\n"
    while not done.wait(0.05):
        began = time.monotonic()
        with smtplib.SMTP("127.0.0.1", port, local_hostname="small.example.org", timeout=60) as client:
            client.sendmail("sender@example.org", ["recipient@example.com"], text)
            latencies.append(time.monotonic() - began)


def one_message(port: int, sink: SmtpSink, timeout: float) -> float:
    """How long one message takes from the connection to the sink."""
    arrived = sink.count
    began = time.monotonic()
    smtp_source(port, 1, length=SMALL, timeout=timeout)
    sink.wait_for(arrived + 1, timeout, pause=0.001)
    return time.monotonic() - began
