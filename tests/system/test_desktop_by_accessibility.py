"""A person who cannot see the window sets Gatepost up: by the accessibility tree and the keyboard, from ``make run`` on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accessibility import Node, wait_for
from tests.support.certificates import issued
from tests.support.desktop_session import DesktopSession
from tests.support.mail_tools import SmtpSink
from tests.support.postfix import PostfixInstance
from tests.support.procfs import is_running, parent
from tests.support.sign_in_service import SignInService

PASSWORD = "Kanarienvogel-4711-nowhere-else"
USER = "me@example.com"


@pytest.fixture
def session(folder: Path) -> Iterator[DesktopSession]:
    with DesktopSession(folder) as found:
        yield found


def relay_of(session: DesktopSession) -> int:
    """The process id of the relay that the session's endpoint files name."""
    runtime = Path(session.environment["XDG_RUNTIME_DIR"])
    (endpoint,) = wait_for(lambda: list(runtime.rglob("endpoint.json")), "a relay runs")
    return int(json.loads(endpoint.read_text())["pid"])


def set_up(session: DesktopSession, window: Node, port: int) -> None:
    """The first steps up to a gateway that was verified and saved."""
    window.find("push button", "Continue", 60).press()
    window.find("text", "Server Address").type("127.0.0.1")
    window.find("text", "Port").type(str(port))
    window.find("text", "Auth Username").type(USER)
    window.find("text", "Auth Password").type(PASSWORD)
    window.find("push button", "Verify and save").press()
    dialog = session.desktop.window("Verify", 60)
    dialog.find("push button", "Accept only this certificate", 60).press()
    window.find("panel", "Send a test message", 60)


@pytest.mark.timeout(300)
def test_from_the_first_step_to_a_delivered_message_with_the_password_in_the_keyring_only(
    folder: Path, session: DesktopSession
) -> None:
    certificate = issued("127.0.0.1")
    data = folder / "data"
    tls = {
        "smtpd_tls_security_level": "encrypt",
        "smtpd_tls_cert_file": str(certificate.certificate_file),
        "smtpd_tls_key_file": str(certificate.key_file),
    }
    with SmtpSink(folder, keep=folder / "mail") as sink, SignInService({USER: PASSWORD}) as sign_in:
        relayhost = f"[127.0.0.1]:{sink.port}"
        with PostfixInstance(folder / "provider", relayhost=relayhost, settings={**tls, **sign_in.settings}) as provider:
            app = session.make_run(data)
            window = session.desktop.window("Gatepost", 120)
            set_up(session, window, provider.port)
            window.find("text", "To").type("you@example.net")
            window.find("push button", "Send").press()
            window.find("", "Delivered.", 60)
            sink.wait_for(1, 60)
            window.find("push button", "Finish").press()
            window.find("check box", "Tracking", 30).press()
            tracked = window.find("table", "Tracking", 30)
            tracked.find("", "you@example.net", 60)
            tracked.find("", "Delivered", 30)
            relay = relay_of(session)
            seen = {
                f"{name} of {pid}": Path(f"/proc/{pid}/{name}").read_bytes()
                for pid in (relay, parent(relay), app.pid)
                for name in ("cmdline", "environ")
            }
    (message,) = sink.messages()
    assert "X-Rcpt-Args: <you@example.net>" in message
    assert "with ESMTPSA" in message, "through Postfix, over TLS, signed in"
    assert sign_in.asked
    assert all(accepted for _, accepted in sign_in.asked)
    assert PASSWORD in session.secret_tool("search", "--all", "service", "Gatepost")

    assert session.interrupt(app) in (0, -2, 2, 130)
    wait_for(lambda: not is_running(relay), "the relay ended with the app")
    kept = [path for path in folder.rglob("*") if path.is_file() and "provider" not in path.parts]
    assert any(path.name == "desktop.ini" for path in kept), "the app's own settings were looked at"
    assert any(path.name == "relay.log" for path in kept), "the relay's log was looked at"
    for path in kept:
        assert PASSWORD.encode() not in path.read_bytes(), path
    for where, content in seen.items():
        assert content, where
        assert PASSWORD.encode() not in content, where


@pytest.mark.timeout(300)
def test_a_second_app_attaches_and_leaves_the_relay_alone_when_it_ends(folder: Path, session: DesktopSession) -> None:
    data = folder / "data"
    first = session.make_run(data)
    session.desktop.window("Gatepost", 120).find("", "State of the relay: Running", 60)
    relay = relay_of(session)
    second = session.make_run(data, "second")
    wait_for(lambda: len(session.desktop.applications) == 2, "the second window", 120)
    for application in session.desktop.applications:
        application.find("", "State of the relay: Running", 60)
    assert relay_of(session) == relay
    session.interrupt(second)
    assert is_running(relay)
    session.interrupt(first)
    wait_for(lambda: not is_running(relay), "the relay ended with the app that had started it")
