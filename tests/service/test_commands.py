"""Each family of commands against a running relay: what it answers to programs (--json), and which exit code it ends with.

The commands run in this process, as ``gatepost`` would run them; test_command_line starts them as programs.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatepost.cli.exit_codes import ExitCode
from gatepost.cli.main import Roles, main
from gatepost.cli.registry import COMMANDS
from gatepost.model.relay_options import RelayOptions
from tests.support.ports import free_port
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import submit

PASSWORD = "canary of the commands"


def no_relay(_options: RelayOptions) -> int:
    raise AssertionError("no relay was to be started")


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        return str(json.loads(self.err)["error"]["code"])


class Shell:
    """Calls commands as somebody whose relay this is."""

    def __init__(self, relay: RelayProcess, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.relay = relay
        self._patch = patch
        self._capture = capture
        for name in ("HOME", "XDG_RUNTIME_DIR"):
            patch.setenv(name, relay.environment[name])

    def __call__(self, line: str, *more: str, stdin: str = "", data: Path | None = None) -> Done:
        self._capture.readouterr()
        self._patch.setattr("sys.stdin", io.StringIO(stdin))
        arguments = ["--data", str(data or self.relay.data), *line.split(), *more]
        code = main(arguments, Roles(relay=no_relay, move=no_relay))
        captured = self._capture.readouterr()
        assert "Traceback" not in captured.err
        assert PASSWORD not in captured.out + captured.err
        return Done(code, captured.out, captured.err)


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    """Takes mail and delivers none."""
    with SmtpPeer() as peer:
        process, port = relaying(tmp_path_factory.mktemp("commands"), [plain(1, peer.port), plain(2, peer.port)])
        with process:
            process.api.post("/v1/pause", {})
            for number in range(3):
                submit(port, "ann@example.org", [f"bob{number}@example.com"])
            yield process


@pytest.fixture
def gatepost(relay: RelayProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(relay, monkeypatch, capsys)


def first_queue_id(gatepost: Shell) -> str:
    return str(gatepost("spool list --json").json[0]["queue_id"])


# --- every family answers programs in JSON ----------------------------------------------------------------------------

LOOKING = (
    "status", "gateway list", "gateway show gw-1", "domain list", "listener list", "network list", "user list",
    "settings show", "spam show", "virus show", "secret list", "vault status", "spool list", "spool counts", "track",
    "verdicts list", "quarantine list", "dkim list", "inbox list", "inbox trays", "inbox keep", "tray list", "fault list",
    "config export", "alarms list", "config revisions", "config show 1", "config diff 1", "metrics",
    "explain ann@example.org bob@example.com", "remote status", "token list", "relay-list list",
)  # fmt: skip
NOT_LOOKING = {
    "import",
    "relay",
    "start",
    "stop",
    "pause",
    "resume",
    "shut-down",
    "send-test",
    "events",
    "service",
    "completion",
    "help",
}


def test_every_family_is_tried() -> None:
    assert {line.split()[0] for line in LOOKING} | NOT_LOOKING == {command.name for command in COMMANDS}


@pytest.mark.parametrize("line", LOOKING)
def test_looking_answers_in_words_and_in_json(gatepost: Shell, line: str) -> None:
    words = gatepost(line)
    assert words.code == ExitCode.DONE
    assert words.out.strip() or words.err.strip(), "that a list is empty is said, too"
    answer = gatepost(f"--json {line}")
    assert answer.code == ExitCode.DONE
    assert isinstance(answer.json, dict | list)
    assert gatepost(f"{line} --json").json.__class__ is answer.json.__class__, "--json may also stand behind"


def test_start_stop_pause_and_resume(gatepost: Shell) -> None:
    for line in ("stop", "start", "pause"):
        assert gatepost(f"{line} --json").json == {"done": True}
    status = gatepost("status --json").json["relay"]
    assert (status["mail"], status["delivery_paused"]) == ("running", True)


@pytest.mark.parametrize(
    ("family", "add", "edit", "field"),
    [
        ("gateway", "add --host smtp.example.net --no-verify", "--weight 7 --no-verify", "weight"),
        ("domain", "add --domain one.example --via direct", "--domain two.example", "domain"),
        ("listener", "add --port 0 --mode trusted", "--set limits.errors=7", "limits"),
        ("network", "add --network 192.0.2.0/24", "--network 192.0.2.0/25", "network"),
        ("user", "add --username scanner --password-stdin", "--username printer", "username"),
        ("tray", "add --name Orders --recipient *@orders.example", "--keep-days 3", "keep_days"),
        ("fault", "add --stage rcpt --drop --first 3", "--delay 2.5", "fault"),
    ],
)
def test_objects_are_added_edited_shown_switched_and_removed(
    gatepost: Shell, family: str, add: str, edit: str, field: str
) -> None:
    added = gatepost(f"{family} {add} --json", stdin=PASSWORD + "\n")
    assert added.code == ExitCode.DONE, added.err
    identifier = added.json["object"]["id"]
    dry = gatepost(f"{family} edit {identifier} {edit} --dry-run --json")
    assert dry.code == ExitCode.DONE, dry.err
    before = gatepost(f"{family} show {identifier} --json").json
    assert before[field] == added.json["object"][field]
    assert gatepost(f"{family} edit {identifier} {edit} --json").code == ExitCode.DONE
    assert gatepost(f"{family} show {identifier} --json").json[field] != before[field]
    if family not in ("network", "tray"):
        assert gatepost(f"{family} disable {identifier} --json").json["object"]["enabled"] is False
        assert gatepost(f"{family} enable {identifier} --json").json["object"]["enabled"] is True
    refused = gatepost(f"{family} remove {identifier} --json")
    assert (refused.code, refused.error) == (ExitCode.USAGE, "unanswered"), "nobody was there to confirm it"
    assert gatepost(f"{family} remove {identifier} --yes --json").code == ExitCode.DONE
    gone = gatepost(f"{family} show {identifier} --json")
    assert (gone.code, gone.error) == (ExitCode.NOT_FOUND, "not-found")


def test_handling_is_set_on_listeners_and_gateways(gatepost: Shell) -> None:
    listener = gatepost("listener add --port 0 --handling capture --json")
    assert listener.json["object"]["handling"] == {"action": "capture"}
    identifier = listener.json["object"]["id"]
    changed = gatepost(f"listener edit {identifier} --handling redirect:qa@example.org --json")
    assert changed.json["object"]["handling"] == {"action": "redirect", "address": "qa@example.org"}
    assert any("qa@example.org" in warning for warning in changed.json["warnings"])
    status = gatepost("status")
    assert "all of it goes to qa@example.org" in status.out
    gateway = gatepost("gateway edit gw-2 --handling capture-and-deliver --no-verify --json")
    assert gateway.json["object"]["handling"] == {"action": "capture-and-deliver"}
    assert "CAPTURE-AND-DELIVER" in gatepost("gateway list").out
    for line in ("gateway edit gw-2 --handling deliver --no-verify", f"listener remove {identifier} --yes"):
        assert gatepost(line).code == ExitCode.DONE
    assert gatepost("listener add --handling redirect").code == ExitCode.USAGE
    wrong = gatepost("fault add --stage rcpt --json", "--refuse", "200 Fine")
    assert (wrong.code, wrong.error) == (ExitCode.INVALID, "invalid")
    right = gatepost("fault add --stage rcpt --json", "--refuse", "450 4.2.1 Mailbox busy")
    assert right.json["object"]["fault"] == {"action": "refuse", "code": 450, "text": "4.2.1 Mailbox busy"}
    assert gatepost(f"fault remove {right.json['object']['id']} --yes").code == ExitCode.DONE


def test_the_inbox_is_waited_for_shown_saved_released_and_cleared(gatepost: Shell, tmp_path: Path) -> None:
    late = gatepost("inbox wait --subject nothing --timeout 0 --json")
    assert (late.code, late.error) == (ExitCode.NOT_FOUND, "not-found")
    port = free_port()
    listener = gatepost(f"listener add --port {port} --mode mx --handling capture --json").json["object"]["id"]
    content = (
        b"From: Shop <shop@app.example>\r\nSubject: Order\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nThank you.\r\n--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nAttached\r\n--b--\r\n"
    )
    for number in range(3):
        submit(port, "shop@app.example", [f"c{number}@any.example"], content)
    row = gatepost("inbox wait --to c1@any.example --json").json
    assert (row["subject"], row["attachment_count"]) == ("Order", 1)
    assert "c1@any.example" in gatepost("inbox list").out
    shown = gatepost(f"inbox show {row['id']} --headers")
    assert "Thank you." in shown.out
    assert "Subject: Order" in shown.out
    assert "a.txt" in shown.out
    assert gatepost(f"inbox export {row['id']} {tmp_path / 'm.eml'}").code == ExitCode.DONE
    assert (tmp_path / "m.eml").read_bytes().endswith(content)
    assert gatepost(f"inbox export {row['id']} {tmp_path / 'a.txt'} --part 2").code == ExitCode.DONE
    assert (tmp_path / "a.txt").read_bytes() == b"Attached"
    released = gatepost(f"inbox release {row['id']} --gateway gw-1 --to real@example.com --json").json
    assert gatepost(f"spool show {released['queue_id']} --json").code == ExitCode.DONE
    refused = gatepost("inbox delete --sender shop@app.example --json")
    assert (refused.code, refused.error) == (ExitCode.USAGE, "unanswered")
    assert gatepost(f"inbox delete {row['id']} --json").json == {"count": 1}
    assert gatepost("inbox clear --yes --json").json == {"count": 2}
    assert gatepost(f"spool delete {released['queue_id']} --yes").code == ExitCode.DONE
    assert gatepost("inbox keep --days 2 --json").json["object"]["keep_days"] == 2
    assert gatepost(f"listener remove {listener} --yes").code == ExitCode.DONE


def test_settings_spam_and_virus_are_set(gatepost: Shell) -> None:
    for line in ("settings set spool.lifetime_hours=48", "spam set low_threshold=11", "virus set port=3311"):
        assert gatepost(f"{line} --json").code == ExitCode.DONE, line
        family, _, assignment = line.split()
        wrong = gatepost(f"{family} set {assignment.partition('=')[0]}=rubbish --json")
        assert (wrong.code, wrong.error) == (ExitCode.INVALID, "invalid"), line


def test_secrets_and_passwords_are_read_from_standard_input_only(gatepost: Shell) -> None:
    name = "gateway/gw-1/password"
    assert gatepost(f"secret set {name} --password-stdin --json", stdin=PASSWORD + "\n").json == {"done": True}
    assert name in {item["name"] for item in gatepost("secret list --json").json}
    assert gatepost(f"secret set {name} --json").code == ExitCode.USAGE, "no terminal to ask for it"
    assert gatepost(f"secret set {name} --password-stdin", stdin="\n").code == ExitCode.INVALID
    assert gatepost(f"secret remove {name} --yes --json").json == {"done": True}


def test_the_vaults_key_is_renewed_and_still_opens_it(gatepost: Shell) -> None:
    name = "gateway/gw-1/password"
    assert gatepost(f"secret set {name} --password-stdin", stdin=PASSWORD + "\n").code == ExitCode.DONE
    key = gatepost.relay.vault_key.read_bytes()
    refused = gatepost("vault renew-key --json")
    assert (refused.code, refused.error) == (ExitCode.USAGE, "unanswered")
    assert gatepost("vault renew-key --yes --json").json["count"] >= 1
    assert gatepost.relay.vault_key.read_bytes() != key
    assert gatepost("vault status --json").json["usable"]


def test_the_spool_is_acted_upon(gatepost: Shell, tmp_path: Path) -> None:
    number = first_queue_id(gatepost)
    assert gatepost(f"spool show {number} --json").json["queue_id"] == number
    assert gatepost(f"spool hold {number} --reason waiting --json").json == {"count": 1}
    assert gatepost("spool list --state held --json").json[0]["hold"]
    assert gatepost(f"spool release {number} --json").json == {"count": 1}
    assert gatepost(f"spool priority {number} --priority 5 --json").json == {"count": 1}
    assert gatepost(f"spool reroute {number} --via gw-2 --json").json == {"count": 1}
    assert gatepost(f"spool retry {number} --json").json == {"count": 1}
    many = gatepost("spool hold --everything --json")
    assert (many.code, many.error) == (ExitCode.USAGE, "unanswered"), "more than one is asked about"
    assert gatepost(f"spool delete {number} --json").code == ExitCode.USAGE
    file = tmp_path / "message.eml"
    assert gatepost(f"spool export {number} {file} --json").json == {"file": str(file)}
    assert b"Subject: Minutes" in file.read_bytes()
    assert gatepost(f"spool delete {number} --yes --json").json == {"count": 1}
    assert gatepost(f"spool show {number} --json").code == ExitCode.NOT_FOUND
    story = gatepost(f"track {number} --json")
    assert story.code == ExitCode.DONE
    assert {"received", "held", "released", "rerouted", "retried", "deleted"} <= {e["kind"] for e in story.json["entries"]}
    assert gatepost("spool reroute --everything --via nowhere --yes --json").code == ExitCode.INVALID


def test_a_file_is_never_written_over_nor_left_behind(gatepost: Shell, tmp_path: Path) -> None:
    file = tmp_path / "there.eml"
    file.write_text("mine")
    told = gatepost(f"spool export {first_queue_id(gatepost)} {file}")
    assert told.code == ExitCode.ERROR
    assert str(file) in told.err
    assert file.read_text() == "mine"
    missing = tmp_path / "missing.eml"
    assert gatepost(f"spool export ZZZZZZ {missing}").code == ExitCode.NOT_FOUND
    assert not missing.exists()


def test_a_test_message_is_queued_and_tracked(gatepost: Shell) -> None:
    sent = gatepost("send-test --from me@example.com --to you@example.net --gateway gw-2 --json")
    assert sent.code == ExitCode.DONE
    assert gatepost(f"track {sent.json['queue_id']} --json").json["message"]["sender"] == "me@example.com"
    assert gatepost("send-test --from rubbish --to you@example.net --json").code == ExitCode.INVALID
    assert gatepost("send-test --from me@example.com --to you@example.net --gateway nowhere --json").code == ExitCode.INVALID
    assert gatepost("verdicts flush --json").json == {"count": 0}


def test_an_export_is_imported_again(gatepost: Shell, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(gatepost("config export").out)
    assert gatepost(f"config import {file} --dry-run --json").json["differences"] == []
    assert gatepost(f"config import {file} --json").code == ExitCode.DONE
    revision = gatepost("config revisions --json").json[0]["number"]
    assert gatepost("gateway edit gw-1 --weight 3 --no-verify --json").code == ExitCode.DONE
    assert gatepost(f"config restore {revision} --json").code == ExitCode.DONE
    assert gatepost("gateway show gw-1 --json").json["weight"] == 1
    assert gatepost("config restore 99999 --json").code == ExitCode.NOT_FOUND
    file.write_text("{}")
    assert gatepost(f"config import {file} --json").code == ExitCode.INVALID
    told = gatepost(f"config import {tmp_path / 'nowhere.json'} --json")
    assert told.code == ExitCode.ERROR
    assert "nowhere.json" in told.err


# --- exit codes that mean something -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nonsense", ExitCode.USAGE),
        ("gateway", ExitCode.USAGE),
        ("gateway list --nonsense", ExitCode.USAGE),
        ("spool priority 000001", ExitCode.USAGE),
        ("domain add --domain spaces..wrong", ExitCode.INVALID),
        ("gateway add --host smtp.example.com --set port", ExitCode.INVALID),
        ("gateway edit nobody --weight 2 --no-verify", ExitCode.NOT_FOUND),
        ("gateway add --host 127.0.0.1 --port 1 --encryption none", ExitCode.VERIFY_FAILED),
        ("explain stranger@example.org bob@example.com --client 203.0.113.9", ExitCode.ERROR),
    ],
)
def test_exit_codes(gatepost: Shell, line: str, code: ExitCode) -> None:
    done = gatepost(line)
    assert done.code == code, done.err
    assert done.err.strip() or done.out.strip()


def test_a_relay_that_does_not_run_is_unavailable(gatepost: Shell, tmp_path: Path) -> None:
    for line in ("status", "gateway list", "spool list", "track"):
        done = gatepost(f"{line} --json", data=tmp_path / "elsewhere")
        assert (done.code, done.error) == (ExitCode.UNAVAILABLE, "not-running")


def test_help_and_completion_need_no_relay(gatepost: Shell, tmp_path: Path) -> None:
    assert "conflict" not in gatepost("help", data=tmp_path).err
    for command in COMMANDS:
        assert "….\n" not in gatepost(f"{command.name} --help", data=tmp_path).out, command.name
    assert "7" in gatepost("help exit-codes", data=tmp_path).out
    for shell in ("bash", "zsh", "fish"):
        assert "gateway" in gatepost(f"completion {shell}", data=tmp_path).out
