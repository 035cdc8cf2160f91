"""What the README promises for the first minute: ``make run`` on a machine with no display, then three commands."""

from __future__ import annotations

import json
import os
import shlex
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import issued
from tests.support.mail_tools import SmtpSink, swaks, tool
from tests.support.ports import wait_until
from tests.support.postfix import PostfixInstance
from tests.support.processes import Process
from tests.support.relay_process import ROOT
from tests.support.sign_in_service import SignInService
from tests.support.terminal import at_a_terminal

PASSWORD = "kanarienvogel-7391-nowhere-else"
MINUTE = 60.0


class Terminal:
    """A person's two terminals on a machine with no display, and a home folder of their own."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.home = folder / "home"
        self.data = folder / "data"
        self.home.mkdir()
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = {**kept, "HOME": str(self.home), "XDG_RUNTIME_DIR": str(runtime)}
        command = [tool("make"), "--no-print-directory", "run", f"DATA={self.data}"]
        self.relay = Process(command, log=folder / "terminal.log", environment=self.environment, folder=ROOT)

    def type(self, line: str, *, password: str = "") -> str:
        """Run a command line that the relay told, and type the password, twice, when it asks. Returns what is shown."""
        answers = [("The password: ", password), ("Once more: ", password)] if password else []
        code, shown = at_a_terminal(shlex.split(line), *answers, environment=self.environment, folder=ROOT)
        assert code == 0, shown
        return shown

    def interrupt(self) -> None:
        """Ctrl-C: to everything that runs in the terminal."""
        os.killpg(self.relay.pid, signal.SIGINT)
        self.relay.wait()

    def told(self, beginning: str) -> str:
        """A command that the relay told, its continuation lines joined."""
        lines = self.relay.output().replace("\\\n", " ").splitlines()
        return next(" ".join(line.split()) for line in lines if line.strip().startswith(beginning))


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    with tempfile.TemporaryDirectory(prefix="gp-") as runtime:
        found = Terminal(folder, Path(runtime))
        try:
            yield found
        finally:
            if found.relay.is_running:
                found.interrupt()


def test_make_run_and_three_commands_bring_a_message_through_starttls_and_auth_within_a_minute(
    folder: Path, terminal: Terminal
) -> None:
    certificate = issued("127.0.0.1")
    users = {"me@example.com": PASSWORD}
    with SmtpSink(folder, keep=folder / "mail") as sink, SignInService(users) as sign_in:
        tls = {
            "smtpd_tls_security_level": "encrypt",
            "smtpd_tls_cert_file": str(certificate.certificate_file),
            "smtpd_tls_key_file": str(certificate.key_file),
        }
        provider = PostfixInstance(
            folder / "provider", relayhost=f"[127.0.0.1]:{sink.port}", settings={**tls, **sign_in.settings}
        )
        with provider:
            began = time.monotonic()
            terminal.relay.start()
            terminal.relay.wait_until(lambda: "All commands:" in terminal.relay.output(), "it says how to use it", MINUTE)

            # 1: what the relay told, with the provider's own host, port and certificate
            add = terminal.told(".venv/bin/gatepost --data").replace("smtp.example.com", f"127.0.0.1 --port {provider.port}")
            gatepost = add.partition(" gateway")[0]
            added = terminal.type(f"{add} --fingerprint {certificate.fingerprint}", password=PASSWORD)
            assert "Added" in added
            assert PASSWORD not in added, "typed unseen"

            # 2
            sent = terminal.told("swaks")
            server, *options = shlex.split(sent.removeprefix("swaks --server "))
            swaks(int(server.removeprefix("127.0.0.1:")), *options)
            sink.wait_for(1, MINUTE)

            # 3
            wait_until(lambda: "delivered" in terminal.type(f"{gatepost} track"), "tracking knows it", 20)
            assert time.monotonic() - began < MINUTE
            assert sign_in.asked == [("me@example.com", True)] * len(sign_in.asked), "signed in, and with the right password"
            assert sign_in.asked
            relay = json.loads(terminal.type(f"{gatepost} status --json"))["relay"]["pid"]
            seen = {name: Path(f"/proc/{relay}/{name}").read_bytes() for name in ("cmdline", "environ")}
            assert b"gatepost" in seen["cmdline"]
    (message,) = sink.messages()
    assert "X-Rcpt-Args: <you@example.net>" in message
    assert "with ESMTPSA" in message, "through Postfix, over TLS, signed in"
    terminal.interrupt()
    wait_until(lambda: not Path(f"/proc/{relay}").exists(), "Ctrl-C ended the relay", 20)

    kept = [path for place in (terminal.data, terminal.home) for path in place.rglob("*") if path.is_file()]
    assert any(path.name.startswith("vault") for path in kept), "the password is in the sealed vault"
    for path in kept:
        content = path.read_bytes()
        assert PASSWORD.encode() not in content, path
    for seen_by_all in (*seen.values(), terminal.relay.output().encode()):
        assert PASSWORD.encode() not in seen_by_all
