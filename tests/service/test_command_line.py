"""The command line against a real relay: a gateway with STARTTLS and AUTH, mail through it, and what one can do about it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.certificates import issued
from tests.support.ports import wait_until
from tests.support.relay_process import RelayProcess
from tests.support.smtp_peer import SmtpPeer

PASSWORD = "correct horse battery staple"


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    with RelayProcess(tmp_path / "relay") as running:
        yield running


def run(relay: RelayProcess, *arguments: str, stdin: str = "", code: int = 0) -> str:
    done = relay.run(*arguments, stdin=stdin)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def test_every_command_says_what_it_is_for(relay: RelayProcess, capsys: pytest.CaptureFixture[str]) -> None:
    from gatepost.cli.main import build_parser
    from gatepost.cli.registry import COMMANDS

    for command in COMMANDS:
        with pytest.raises(SystemExit):
            build_parser([command]).parse_args([command.name, "--help"])
        said = capsys.readouterr().out
        assert f"gatepost {command.name}" in said
        assert "--json" in said
    assert "gateway add" in run(relay, "gateway", "add", "--help")


def test_status_domains_users_settings_revisions_and_completion(relay: RelayProcess) -> None:
    assert "running" in run(relay, "status")
    assert "Added dom-" in run(relay, "domain", "add", "--domain", "*.example.org", "--via", "direct")
    assert "*.example.org" in run(relay, "domain", "list")
    run(relay, "user", "add", "--username", "scanner", "--password-stdin", stdin=PASSWORD + "\n")
    assert "scanner" in run(relay, "user", "list")
    run(relay, "settings", "set", "spool.lifetime_hours=48")
    assert json.loads(run(relay, "--json", "settings", "show"))["spool"]["lifetime_hours"] == 48
    assert "spool.lifetime_hours" in run(relay, "config", "diff", "1")
    assert "gatepost" in run(relay, "config", "export")
    assert "is back" in run(relay, "config", "restore", "1")
    assert json.loads(run(relay, "--json", "settings", "show"))["spool"]["lifetime_hours"] == 120
    script = run(relay, "completion", "bash")
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0


def test_a_wrong_value_names_its_field_and_changes_nothing(relay: RelayProcess) -> None:
    told = run(relay, "gateway", "add", "--host", "smtp.example.com", "--port", "70000", "--no-verify", code=3)
    assert "port" in told
    assert json.loads(run(relay, "--json", "gateway", "list")) == []


def test_a_gateway_that_cannot_be_reached_is_not_saved_unless_told_so(relay: RelayProcess) -> None:
    arguments = ("gateway", "add", "--host", "127.0.0.1", "--port", "1", "--encryption", "none")
    assert "nothing was saved" in run(relay, *arguments, code=7)
    assert "Added" in run(relay, *arguments, "--save-anyway")


def test_mail_leaves_through_a_gateway_with_starttls_and_auth_and_the_password_is_only_in_the_vault(
    start_relay: Callable[..., RelayProcess], tmp_path: Path
) -> None:
    relay = start_relay(own_interpreter=True)
    with SmtpPeer(
        starttls=True,
        certificate=issued("127.0.0.1"),
        users={"me@example.com": PASSWORD},
        auth_needs_tls=True,
        require_auth=True,
    ) as peer:
        run(
            relay, "gateway", "add", "--host", "127.0.0.1", "--port", str(peer.port), "--encryption", "starttls-required",
            "--certificate", "none", "--auth-username", "me@example.com", "--password-stdin", stdin=PASSWORD + "\n",
        )  # fmt: skip
        queued = json.loads(run(relay, "--json", "send-test", "--from", "me@example.com", "--to", "you@example.net"))
        wait_until(lambda: len(peer.messages) == 1, "the peer has the message", 20)
        wait_until(lambda: "delivered" in run(relay, "track", queued["queue_id"]), "tracking knows it", 20)
    story = run(relay, "track", queued["queue_id"])
    assert "delivered" in story
    pid = relay.pid
    secret = PASSWORD.encode()
    for path in (tmp_path / "relay").rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path
    for name in ("cmdline", "environ"):
        assert secret not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_a_file_that_is_no_text_and_paths_that_exclude_each_other_are_said_in_words(
    relay: RelayProcess, tmp_path: Path
) -> None:
    (tmp_path / "export.json").write_bytes(b"\xff\xfe{}")
    told = run(relay, "config", "import", str(tmp_path / "export.json"), code=3)
    assert "file: it is not JSON" in told
    told = run(relay, "settings", "set", "spool=1", "spool.lifetime_hours=48", code=3)
    assert "spool.lifetime_hours: spool is a value of its own already" in told


def test_what_an_output_cannot_say_is_marked_and_programs_get_all_of_it(relay: RelayProcess) -> None:
    """As on Windows, where a pipe has one of the old character sets."""
    name = "日本 → Büro"
    run(relay, "gateway", "add", "--host", "127.0.0.1", "--description", name, "--no-verify")

    def said(*arguments: str) -> bytes:
        command = [sys.executable, "-m", "gatepost", "--data", str(relay.data), *arguments]
        narrow = {**relay.environment, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
        done = subprocess.run(command, capture_output=True, env=narrow, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "?? ? Büro" in said("gateway", "list").decode("cp1252")
    assert json.loads(said("--json", "gateway", "list").decode())[0]["description"] == name
    assert name in said("config", "export").decode()


def test_a_gateway_whose_password_could_not_be_stored_is_named_so_that_nobody_adds_it_twice(
    start_relay: Callable[..., RelayProcess],
) -> None:
    relay = start_relay(options=("--vault", "keyring"))
    words = ("--host", "127.0.0.1", "--auth-username", "me", "--password-stdin", "--no-verify")
    told = run(relay, "gateway", "add", *words, stdin=PASSWORD + "\n", code=6)
    (saved,) = relay.command("gateway", "list")
    assert f"The gateway is saved as {saved['id']}, without its password." in told
    assert f"gatepost secret set gateway/{saved['id']}/password" in told


def test_what_becomes_of_a_domains_mail_while_its_gateway_rests_is_changed_alone_and_kept(relay: RelayProcess) -> None:
    run(relay, "gateway", "add", "--host", "127.0.0.1", "--mode", "specific-domains", "--no-verify")
    (gateway,) = relay.command("gateway", "list")
    run(relay, "domain", "add", "--domain", "example.org", "--via", gateway["id"], "--set", "route.when_resting=round-robin")
    (rule,) = relay.command("domain", "list")
    assert rule["route"] == {"via": "gateway", "gateway": gateway["id"], "when_resting": "round-robin"}

    def edited(*options: str) -> str:
        run(relay, "domain", "edit", rule["id"], *options)
        return str(relay.command("domain", "show", rule["id"])["route"]["when_resting"])

    assert edited("--when-resting", "direct") == "direct"
    assert edited("--via", gateway["id"]) == "direct"
