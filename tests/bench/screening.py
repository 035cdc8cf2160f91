"""What scoring costs those whose mail is not scored: the time that a message takes while spamd works on other sessions' mail.

SpamAssassin needs a processor of its own, whoever asks it. So there are three circumstances: alone; beside sessions whose
mail is scored; and beside the same scoring asked for directly, without the relay. What lies between the last two is the
relay's.

A machine that does other things as well drifts by more within a minute than scoring costs. So each circumstance is looked
at in short slices that follow each other closely, in every order equally often, and what is compared is always the slices
of one round; the figures are the medians over all rounds. A round in which others used the processors is made again, a few
times; if it never becomes quiet, the quietest rounds count.
"""

from __future__ import annotations

import os
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from statistics import median

from gatepost.model.configuration import Configuration
from gatepost.model.gateway import DomainForwardGateway
from gatepost.model.listener import Listener, ListenerMode
from gatepost.model.settings import ServerSettings, Settings, SpoolSettings
from gatepost.model.spam import NoAction, SpamCard, SpamdSource, SpamPolicy
from gatepost.relay.inspecting import scans_at_once

from ..support import procfs, scanners
from ..support.ports import free_port, is_listening
from ..support.relay_process import RelayProcess

STRANGER = "127.0.0.9"
SCORED_SESSIONS = 2
"""As many as spamd has children here: it is never idle, as far as the relay lets it work."""
CIRCUMSTANCES = ("alone", "scored", "spamd")
QUIET = 0.05
"""Of one processor: what all others may use in a round."""
SETTLE = 0.5
"""Seconds until the others' work is under way."""
BODY = "".join(f"Line {number} of a message like those that people write to each other.\r\n" for number in range(55))
TEXT = f"From: sender@example.net\r\nTo: bob@example.org\r\nSubject: 4 KB\r\nMessage-ID: <b@example.net>\r\n\r\n{BODY}"


@dataclass
class Round:
    """Seconds from MAIL to 250, the median of each circumstance's slice. ``others``: what everybody else used meanwhile, of
    one processor."""

    alone: float
    scored: float
    spamd: float
    others: float


@dataclass
class Latencies:
    """The rounds that count, and how many messages were scored in all."""

    rounds: list[Round] = field(default_factory=list)
    scored: int = 0
    directly: int = 0

    @property
    def medians(self) -> tuple[float, float, float]:
        rounds = self.rounds
        return median(one.alone for one in rounds), median(one.scored for one in rounds), median(one.spamd for one in rounds)

    @property
    def slowed(self) -> float:
        """By how many percent a message is slower beside scored ones than alone: the median over the rounds."""
        return 100 * (median(one.scored / one.alone for one in self.rounds) - 1)

    @property
    def others(self) -> float:
        """The most that others used of a processor in one of the rounds."""
        return max(one.others for one in self.rounds)


def missing() -> list[str]:
    return scanners.missing("spamd")


def measure(folder: Path, rounds: int, samples: int) -> Latencies:
    """``samples`` messages in each of three circumstances, ``rounds`` times in turns."""
    found = Latencies()
    orders = list(permutations(CIRCUMSTANCES))
    with ExitStack() as stack:
        spamd = stack.enter_context(scanners.spamd(folder))
        port = free_port()
        relay = RelayProcess(folder / "screening", own_interpreter=True)
        configured = configuration(port, spamd)
        relay.configure(configured)
        stack.enter_context(relay)
        relay.process.wait_until(lambda: is_listening(port), "the listener is open", 30)
        directly = min(SCORED_SESSIONS, scans_at_once(configured.spam.spamd))
        _probe(port, 3 * samples)
        made: list[Round] = []
        while len(made) < 3 * rounds and sum(one.others <= QUIET for one in made) < rounds:
            began, busy, own = time.monotonic(), procfs.busy_seconds(), procfs.processor_seconds(os.getpid())
            slices: dict[str, float] = {}
            for circumstance in orders[len(made) % len(orders)]:
                if circumstance == "alone":
                    taken = _probe(port, samples)
                elif circumstance == "scored":
                    with _busy(SCORED_SESSIONS, lambda done: _send_scored(port, done)) as counts:
                        taken = _probe(port, samples)
                    found.scored += sum(counts)
                else:
                    with _busy(directly, lambda done: _ask_spamd(spamd, done)) as counts:
                        taken = _probe(port, samples)
                    found.directly += sum(counts)
                slices[circumstance] = median(taken)
            used = procfs.busy_seconds() - busy - (procfs.processor_seconds(os.getpid()) - own)
            made.append(Round(**slices, others=max(0.0, used) / (time.monotonic() - began)))
        found.rounds = sorted(made, key=lambda one: one.others)[:rounds]
    assert found.scored, "no message was scored"
    assert found.directly, "spamd did not answer"
    return found


def configuration(port: int, spamd: int) -> Configuration:
    """Mail for scored.example is scored, that for plain.example is not; none of it is delivered meanwhile."""
    scored = DomainForwardGateway(
        id="gw-scored", addresses=("198.51.100.7",), domains=("scored.example",),
        spam=SpamCard(enabled=True, medium=NoAction(), high=NoAction()),
    )  # fmt: skip
    return Configuration(
        gateways=(scored, DomainForwardGateway(id="gw-plain", addresses=("198.51.100.8",), domains=("plain.example",))),
        listeners=(Listener(id="ls-bench", address="127.0.0.1", port=port, mode=ListenerMode.MX),),
        spam=SpamPolicy(spamd=SpamdSource(enabled=True, port=spamd), total_timeout_seconds=60),
        settings=Settings(
            server=ServerSettings(host_name="gatepost.example.org"), spool=SpoolSettings(delivery_delay_seconds=3600)
        ),
    )


def _session(port: int) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", port, local_hostname="source.example.net", timeout=120, source_address=(STRANGER, 0))


def _probe(port: int, samples: int) -> list[float]:
    taken: list[float] = []
    with _session(port) as client:
        for _ in range(samples):
            began = time.monotonic()
            client.sendmail("sender@example.net", ["bob@plain.example"], TEXT)
            taken.append(time.monotonic() - began)
    return taken


@contextmanager
def _busy(sessions: int, work: Callable[[threading.Event], int]) -> Iterator[list[int]]:
    """Other sessions, in threads, until the block ends; then how much each of them did."""
    done = threading.Event()
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(work(done))) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    time.sleep(SETTLE)
    try:
        yield counts
    finally:
        done.set()
        for thread in threads:
            thread.join()


def _send_scored(port: int, done: threading.Event) -> int:
    count = 0
    with _session(port) as client:
        while not done.is_set():
            client.sendmail("sender@example.net", ["bob@scored.example"], TEXT)
            count += 1
    return count


def _ask_spamd(port: int, done: threading.Event) -> int:
    count = 0
    octets = TEXT.encode()
    while not done.is_set():
        with socket.create_connection(("127.0.0.1", port), 120) as connection:
            connection.sendall(b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(octets) + octets)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
        count += 1
    return count
