"""The mail server behind an inbound gateway: a real Postfix with a table of recipients, which hands what it takes to a sink.

The primary is 127.0.0.1; whoever plays a stranger connects from ``STRANGER``, for a primary may relay.
"""

from __future__ import annotations

import smtplib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from gatepost.model.configuration import Configuration
from gatepost.model.gateway import Encryption, Gateway
from gatepost.model.listener import Listener, ListenerMode
from gatepost.model.settings import DeliverySettings, ServerSettings, Settings

from .dns_server import DnsServer
from .mail_tools import SmtpSink
from .ports import free_port
from .postfix import PostfixInstance
from .relay_process import RelayProcess

PRIMARY = "127.0.0.1"
STRANGER = "127.0.0.9"
DOMAIN = "example.com"
RECIPIENTS = ("ann@example.com", "bob@example.com")


def primary(folder: Path, sink: SmtpSink, port: int | None = None, recipients: Iterable[str] = RECIPIENTS) -> PostfixInstance:
    """Not started. It knows ``recipients`` at ``DOMAIN`` and nobody else (550 5.1.1)."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    table = folder / "recipients"
    table.write_text("".join(f"{address} ok\n" for address in recipients), encoding="ascii")
    settings = {
        "relay_domains": DOMAIN,
        "relay_recipient_maps": f"texthash:{table}",
        "relay_transport": f"relay:[{PRIMARY}]:{sink.port}",
    }
    return PostfixInstance(folder, settings=settings, port=port)


def fronting(
    folder: Path, gateways: Iterable[Gateway], dns: DnsServer | None = None, **delivery: object
) -> tuple[RelayProcess, int]:
    """A relay as an MX, not started yet, and its port. It trusts nobody, and asks ``dns`` where there is one."""
    port = free_port()
    servers = {"name_servers": (dns.address,), "name_server_port": dns.port} if dns is not None else {}
    process = RelayProcess(folder)
    process.configure(
        Configuration(
            gateways=tuple(gateways),
            listeners=(Listener(port=port, mode=ListenerMode.MX),),
            settings=Settings(
                server=ServerSettings(host_name="relay.example.org"),
                delivery=DeliverySettings.model_validate({**servers, **delivery}),
            ),
        )
    )
    return process, port


def clear(port: int) -> dict[str, object]:
    """The fields of a gateway to a primary on this machine that speaks no TLS."""
    return {"addresses": (PRIMARY,), "port": port, "encryption": Encryption.NONE}


class Stranger:
    """An SMTP client from an address that is nobody's. ``rcpt`` answers ``250 2.1.5 Ok`` and the like."""

    def __init__(self, port: int, address: str = STRANGER) -> None:
        self._smtp = smtplib.SMTP(PRIMARY, port, local_hostname="stranger.example.net", timeout=60, source_address=(address, 0))
        self._smtp.ehlo()

    def __enter__(self) -> Stranger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._smtp.close()

    def rcpt(self, address: str) -> str:
        self._smtp.mail("someone@sender.example")
        code, text = self._smtp.rcpt(address)
        if code != 421:
            self._smtp.rset()
        return f"{code} {text.decode()}"

    def start_asking(self, address: str) -> None:
        """``answer`` waits for the reply."""
        self._smtp.mail("someone@sender.example")
        self._smtp.putcmd("rcpt", f"TO:<{address}>")

    def answer(self) -> str:
        code, text = self._smtp.getreply()
        return f"{code} {text.decode()}"

    def send(self, recipient: str, number: int = 0) -> None:
        text = f"From: someone@sender.example\r\nTo: {recipient}\r\nSubject: number {number}\r\n\r\nHello.\r\n"
        self._smtp.sendmail("someone@sender.example", [recipient], text)

    def say(self, line: str) -> str:
        code, text = self._smtp.docmd(line)
        return f"{code} {text.decode()}"


def asked(port: int, address: str) -> str:
    """What a stranger is answered about a recipient, in a session of its own."""
    with Stranger(port) as stranger:
        return stranger.rcpt(address)


def grow_old(relay: RelayProcess, seconds: float) -> None:
    """Let the verdicts be that much older, as if so much time had passed."""
    relay.stop()
    with sqlite3.connect(relay.data / "verdicts.sqlite") as connection:
        connection.execute("UPDATE verdict SET fetched_at = fetched_at - ?", (seconds,))
    connection.close()
    relay.start()
