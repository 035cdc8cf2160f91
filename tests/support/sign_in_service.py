"""Knows users and passwords for a Postfix: the server side of Dovecot's authentication protocol, version 1.1, PLAIN only.

Postfix's smtpd speaks TLS and AUTH with the client itself and asks here whether the password is right (``smtpd_sasl_type =
dovecot``), so a test has a real server with sign-in and no more packages to install.
"""

from __future__ import annotations

import base64
import socketserver
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self


class SignInService:
    """``asked`` lists the names that tried, with whether they were let in."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self.asked: list[tuple[str, bool]] = []
        service = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t" + b"0" * 32 + b"\nDONE\n")
                for line in self.rfile:
                    command, *fields = line.decode().rstrip("\n").split("\t")
                    if command == "AUTH":
                        response = next(field.removeprefix("resp=") for field in fields if field.startswith("resp="))
                        _, name, password = base64.b64decode(response).decode().split("\0")
                        accepted = users.get(name) == password
                        service.asked.append((name, accepted))
                        self.wfile.write(f"{'OK' if accepted else 'FAIL'}\t{fields[0]}\tuser={name}\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation)
        self._server.daemon_threads = True

    @property
    def settings(self) -> dict[str, str]:
        """Lines of main.cf: offer AUTH, and let in nobody who has not signed in."""
        return {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": f"inet:127.0.0.1:{self._server.server_address[1]}",
            "smtpd_tls_auth_only": "yes",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
