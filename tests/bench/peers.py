"""The two servers under measurement, started the same way: on a folder, a loopback port, with one smart host."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from gatepost.model.access import TrustedNetwork
from gatepost.model.configuration import Configuration
from gatepost.model.domain import DomainMatch, DomainRule, GatewayRoute
from gatepost.model.gateway import Encryption, RoundRobinGateway, SpecificDomainsGateway
from gatepost.model.listener import Listener, ListenerLimits
from gatepost.model.settings import ServerSettings, Settings, SpoolSettings

from ..support import procfs
from ..support.ports import free_port, is_listening
from ..support.postfix import PostfixInstance
from ..support.relay_process import RelayProcess

DEAD_DOMAIN = "dead.example"
"""Mail for it goes to a gateway that does not answer."""
DEAD_GATEWAY = "gw-dead"
_HELD_SECONDS = 3600


class Peer(Protocol):
    """A running mail server."""

    name: str
    port: int

    @property
    def pid(self) -> int: ...

    def queued(self) -> int:
        """Messages it holds on the disk."""
        ...

    def discard(self) -> None:
        """Throw held mail away where that is cheap, so that runs do not add up."""
        ...

    def memory(self) -> int:
        """What it takes now, in octets."""
        ...

    def begin_peak(self) -> None: ...

    def peak(self, sampled: int) -> int:
        """The most it took since ``begin_peak``; ``sampled`` is the highest ``memory()`` that was seen."""
        ...


def configuration(port: int, sink_port: int, *, deliver: bool) -> Configuration:
    """A relay for this machine's programs. Without ``deliver`` mail is due in an hour: accepted, written, not attempted."""
    return Configuration(
        gateways=(
            RoundRobinGateway(id="gw-sink", host="127.0.0.1", port=sink_port, encryption=Encryption.NONE),
            SpecificDomainsGateway(id=DEAD_GATEWAY, host="127.0.0.1", port=free_port(), encryption=Encryption.NONE),
        ),
        domains=(DomainRule(domain=DEAD_DOMAIN, match=DomainMatch.RECIPIENT, route=GatewayRoute(gateway=DEAD_GATEWAY)),),
        listeners=(
            Listener(id="ls-bench", address="127.0.0.1", port=port, limits=ListenerLimits(connections_per_address=200)),
        ),
        trusted_networks=(TrustedNetwork(network="127.0.0.0/8"),),
        settings=Settings(
            server=ServerSettings(host_name="gatepost.example.org"),
            spool=SpoolSettings(delivery_delay_seconds=0 if deliver else _HELD_SECONDS),
        ),
    )


class GatepostPeer:
    """A real relay process; its memory is one process's resident set."""

    name = "gatepost"

    def __init__(self, folder: Path, sink_port: int, *, deliver: bool) -> None:
        self.port = free_port()
        self.relay = RelayProcess(folder, own_interpreter=True)
        self.relay.configure(configuration(self.port, sink_port, deliver=deliver))

    @property
    def pid(self) -> int:
        return self.relay.pid

    def start(self, timeout: float = 30) -> Self:
        self.relay.start(timeout)
        self.relay.process.wait_until(lambda: is_listening(self.port), "the listener is open", timeout)
        return self

    def stop(self) -> None:
        self.relay.stop()

    def queued(self) -> int:
        connection = sqlite3.connect(f"{(self.relay.data / 'spool.sqlite').as_uri()}?mode=ro", uri=True)
        try:
            (count,) = connection.execute("SELECT count(*) FROM delivery").fetchone()
        finally:
            connection.close()
        return int(count)

    def discard(self) -> None:
        """It keeps what it holds: a fuller spool is its own affair."""

    def memory(self) -> int:
        return self.relay.resident()

    def begin_peak(self) -> None:
        self.relay.reset_peak()

    def peak(self, sampled: int) -> int:
        return self.relay.peak_resident()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.relay.__exit__(kind, error, trace)
        shutil.rmtree(self.relay.folder, ignore_errors=True)


class PostfixPeer(PostfixInstance):
    """Debian's Postfix with its defaults; its memory is the proportional set of all its processes."""

    name = "postfix"

    def __init__(self, folder: Path, sink_port: int, *, deliver: bool) -> None:
        settings = {}
        if not deliver:
            settings["smtpd_client_restrictions"] = "check_client_access static:hold, permit_mynetworks"
        if not Path("/dev/log").exists():
            # As Debian installs it, Postfix logs to syslog. Nobody listens to it here, so let it be spared its own log file.
            settings["maillog_file"] = ""
        super().__init__(folder, relayhost=f"[127.0.0.1]:{sink_port}", settings=settings)

    def discard(self) -> None:
        self.empty_queue()

    def memory(self) -> int:
        return procfs.proportional_of_tree(self.pid)

    def begin_peak(self) -> None:
        """Its processes come and go, so there is no peak to reset: sampling has to see it."""

    def peak(self, sampled: int) -> int:
        return sampled

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        shutil.rmtree(self.folder, ignore_errors=True)
