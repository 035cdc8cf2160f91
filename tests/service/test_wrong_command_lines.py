"""Commands called wrongly: one clear message, an exit code that means something, JSON where it was asked for, no traceback."""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatepost.cli import help as help_command
from gatepost.cli.exit_codes import ExitCode
from gatepost.cli.main import Roles, build_parser, main
from gatepost.cli.registry import COMMANDS
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying

VALUES = (
    "", "x", "gw-1", "-1", "0", "1", "9" * 30, "1e999", "NaN", "a@b.example", "example.org", "é", "\udcff", "a\nb", "\x1b[31m",
    "/nonexistent/x", "-", "=", "a=b", "weight=x", "weight=[", "authentication.username=\udcff", "127.0.0.1", "3d",
    "10.0.0.0/8", "%s", "000001", "*", "x" * 5000, "Name: value", "65536", "{", "[1]",
)  # fmt: skip
STDIN = (b"", b"pw\n", b"\xff\xfe\n", b"a\nb\n", b"x" * 40_000 + b"\n", b"\0\n", b"{}", b'{"a":' * 20_000)
NOT_CALLED = {"shut-down", "events", "relay", "service"}
"""What ends the relay, never ends itself, or changes this machine."""


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    process, _ = relaying(tmp_path_factory.mktemp("wrong"), [plain(1, 9)])
    with process:
        yield process


@dataclass
class Done:
    code: int
    out: str
    err: str


class Shell:
    def __init__(self, relay: RelayProcess, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        patch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
        for name in ("HOME", "XDG_RUNTIME_DIR"):
            patch.setenv(name, relay.environment[name])
        patch.setenv("XDG_CONFIG_HOME", str(relay.folder / "config"))
        patch.setenv("GATEPOST_DATA", str(relay.data))
        patch.chdir(relay.folder)

    def __call__(self, *words: str, stdin: bytes = b"") -> Done:
        out, err = io.BytesIO(), io.BytesIO()
        streams = {
            "stdin": io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"),
            "stdout": io.TextIOWrapper(out, encoding="utf-8", write_through=True),
            "stderr": io.TextIOWrapper(err, encoding="utf-8", errors="backslashreplace", write_through=True),
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            code = main(words, Roles(relay=lambda _: 99, move=lambda _: 99))
        return Done(code, out.getvalue().decode(), err.getvalue().decode())


@pytest.fixture
def gatepost(relay: RelayProcess, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(relay, monkeypatch)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("gatewayy list", ExitCode.USAGE, "invalid choice: 'gatewayy'"),
        ("gateway", ExitCode.USAGE, ""),
        ("gateway move gw-1 up", ExitCode.USAGE, "invalid int value: 'up'"),
        ("gateway show", ExitCode.USAGE, "are required: "),
        ("spool counts more", ExitCode.USAGE, "Unrecognized arguments: more"),
        ("spool retry 2026-01-01", ExitCode.INVALID, "queue_ids.0: "),
        ("inbox list --order colour", ExitCode.INVALID, "order: "),
        ("quarantine list --max-score 1e999", ExitCode.INVALID, "max_score: write a number"),
        ("gateway show \udcff", ExitCode.USAGE, "not text"),
        ("--data /tmp/\udcff status", ExitCode.UNAVAILABLE, "not running"),
        ("config import /dev/null", ExitCode.INVALID, "file: it is not JSON"),
        ("config import /nonexistent", ExitCode.ERROR, "/nonexistent: No such file"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(gatepost: Shell, line: str, code: ExitCode, words: str) -> None:
    done = gatepost(*line.split(" "))
    assert done.code == code, done.err
    assert words in done.err
    if words:
        assert len(done.err.splitlines()) <= 4, done.err
    told = gatepost(*line.split(" "), "--json")
    assert told.code == code, told.err
    error = json.loads(told.err)["error"]
    assert error["title"]
    assert told.out == ""


@pytest.mark.parametrize("line", ["secret set gateway/gw-1/password", "user passwd nobody"])
def test_a_password_that_is_not_text_is_refused_and_not_quoted(gatepost: Shell, line: str) -> None:
    done = gatepost(*line.split(), "--password-stdin", "--json", stdin=b"canary\xff\xfe\n")
    assert done.code == ExitCode.INVALID, done.err
    assert json.loads(done.err)["error"]["issues"][0]["message"] == "it is not valid UTF-8"
    assert "canary" not in done.err


def test_a_file_that_is_nested_without_end_is_refused(gatepost: Shell) -> None:
    assert gatepost("config", "import", "-", stdin=b'{"a":' * 20_000).code == ExitCode.INVALID


def test_a_fault_of_the_program_is_told_by_its_kind_and_place_and_not_in_its_own_words(
    gatepost: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_arguments: argparse.Namespace) -> None:
        raise KeyError("canary of a password")

    monkeypatch.setattr(help_command, "run", failing)
    told = gatepost("help", "--json")
    assert told.code == ExitCode.ERROR
    error = json.loads(told.err)["error"]
    assert error["code"] == "internal"
    assert "KeyError in " in error["detail"]
    assert "test_wrong_command_lines.py, line " in error["detail"]
    assert "canary" not in told.err


def leaves(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from leaves(inner, (*path, name))


def words_for(parser: argparse.ArgumentParser, chosen: random.Random) -> list[str]:
    """Options and arguments of that command, most of them there, all of them odd."""
    found: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction) or action.dest in ("data", "relay", "json"):
            continue
        if action.dest == "timeout" or (action.option_strings and not action.required and chosen.random() > 0.35):
            continue
        found += action.option_strings[-1:]
        count = {0: 0, "*": chosen.randrange(3), "?": chosen.randrange(2)}.get(action.nargs or 1, 1)
        for _ in range(count):
            choices = [str(one) for one in action.choices or ()]
            found.append(chosen.choice(choices) if choices and chosen.random() < 0.8 else chosen.choice(VALUES))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_no_command_whatever_it_is_given_shows_a_traceback(gatepost: Shell, relay: RelayProcess, seed: int) -> None:
    chosen = random.Random(seed)
    known = {int(code) for code in ExitCode}
    for path, parser in leaves(build_parser(COMMANDS)):
        if not path or path[0] in NOT_CALLED:
            continue
        words = [*path, *words_for(parser, chosen)]
        words += ["--timeout", "0"] if path == ("inbox", "wait") else []
        words += ["--json"] if chosen.random() < 0.6 else []
        done = gatepost(*words, stdin=chosen.choice(STDIN))
        assert done.code in known, words
        assert "Traceback" not in done.err, words
        assert "a fault of Gatepost" not in done.err, (words, done.err)
        if done.code != ExitCode.DONE:
            assert done.err, words
            if "--json" in words:
                assert json.loads(done.err)["error"]["title"], words
        elif "--json" in words and done.out:
            json.loads(done.out)
    assert relay.process.is_running
    assert "Traceback" not in (relay.data / "logs" / "relay.log").read_text(encoding="utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_output_that_cannot_be_written_is_said(relay: RelayProcess) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gatepost", "help"],
            stdout=full, stderr=subprocess.PIPE, text=True, env=relay.environment, check=False, timeout=30,
        )  # fmt: skip
    assert done.returncode == ExitCode.ERROR
    assert done.stderr.splitlines() == ["gatepost: The command could not be carried out.", "  No space left on device."]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gatepost gatew", {"gateway"}),
        ("gatepost gateway mo", {"move"}),
        ("gatepost --data /tmp/x gateway mo", {"move"}),
        ("gatepost gateway edit gw-1 --weig", {"--weight"}),
        ("gatepost --json gateway --data x edit gw-1 --ho", {"--host"}),
        ("gatepost completion nothing-known", set()),
    ],
)
def test_bash_completes_commands_actions_and_options_wherever_ids_and_values_stand(
    gatepost: Shell, typed: str, offered: set[str]
) -> None:
    words = typed.split()
    script = gatepost("completion", "bash").out
    asked = f'{script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gatepost; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", asked, "bash", *words], capture_output=True, text=True, check=True, timeout=30)
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize("line", ["help", "completion fish"])
def test_what_needs_no_relay_answers_programs_in_json_too(gatepost: Shell, line: str) -> None:
    assert isinstance(json.loads(gatepost(*line.split(), "--json").out), dict)
