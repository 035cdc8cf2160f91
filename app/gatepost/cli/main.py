"""Picks the command, runs it, and turns failures into words and exit codes."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .. import __version__
from ..model.errors import GatepostError
from .exit_codes import ExitCode
from .failures import Misused, in_words, tell
from .option_words import complete
from .registry import BY_NAME, COMMANDS, Command

if TYPE_CHECKING:
    from ..model.move_options import GiveOptions, ReceiveOptions
    from ..model.relay_options import RelayOptions


@dataclass(frozen=True, slots=True)
class Roles:
    """What else the program can be. It runs until it ends and returns the exit code."""

    relay: Callable[[RelayOptions], int]
    move: Callable[[GiveOptions | ReceiveOptions], int]
    """Either half of a move into the installed service."""


def main(argv: Sequence[str], roles: Roles) -> int:
    _say_what_can_be_said(argv)
    if not argv:
        return _without_arguments()
    as_json = "--json" in argv
    try:
        parser = build_parser(selected(argv))
        arguments = _parsed(parser, argv)
        if not hasattr(arguments, "run"):
            return _without_action(_subparser_of(parser, argv), as_json=as_json)
        needs = getattr(arguments, "needs", "client")
        if needs not in _ROLES:
            code = _run(arguments, needs)
            sys.stdout.flush()
            return code
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (less, head) has seen enough.
        _forget_output()
        return ExitCode.ERROR
    except Exception as error:  # the last resort: a person is told in words, a program in JSON
        _forget_unwritable(error)
        told = in_words(error)
        tell(told, as_json=as_json)
        return told.exit_code
    return _in_role(arguments, needs, roles)


def _forget_output() -> None:
    """Python would complain once more when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _forget_unwritable(error: Exception) -> None:
    if isinstance(error, OSError) and error.filename is None:
        _forget_output()


def _say_what_can_be_said(argv: Sequence[str]) -> None:
    """Where the output cannot hold every letter (a pipe on Windows): for people it marks what it cannot, for programs it is
    UTF-8, as JSON is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8") if "--json" in argv else sys.stdout.reconfigure(errors="replace")


_ROLES = {"relay", "move"}
"""What is no command. Where it fails unexpectedly, whoever keeps its output (journald, the app) has all of it."""


def _in_role(arguments: argparse.Namespace, needs: str, roles: Roles) -> int:
    try:
        options = arguments.run(arguments)
        return roles.relay(options) if needs == "relay" else roles.move(options)
    except GatepostError as error:
        tell(error, as_json=arguments.json)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except OSError as error:
        if error.filename is None:
            raise
        tell(in_words(error), as_json=arguments.json)
        return ExitCode.ERROR


def _run(arguments: argparse.Namespace, needs: str) -> int:
    if needs == "nothing":
        return int(arguments.run(arguments) or 0)
    from .session import run_with_client

    return run_with_client(arguments)


def _without_arguments() -> int:
    build_parser(()).print_help()
    print("\nBegin with “gatepost relay”, and in a second terminal “gatepost gateway add --host …”.")
    return ExitCode.DONE


def _without_action(parser: argparse.ArgumentParser, *, as_json: bool) -> int:
    if as_json:
        raise Misused("An action is missing.", "", f"“{parser.prog} --help” names them.")
    parser.print_help(sys.stderr)
    return ExitCode.USAGE


# --- the parser ---


class _Wrong(Exception):
    """What a parser found, in its words."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Wrong(message)


def _parsed(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Raises Misused."""
    try:
        return parser.parse_args(argv)
    except _Wrong as wrong:
        words, about = str(wrong), _subparser_of(parser, argv).prog
    raise Misused(f"{words[0].upper()}{words[1:]}.", "", f"“{about} --help” says more.")


def selected(argv: Sequence[str]) -> tuple[Command, ...]:
    """The command that is called: the first argument that is no option and no option's value."""
    words = iter(argv)
    for word in words:
        if word in ("--data", "--relay"):
            next(words, None)
        elif not word.startswith("-"):
            found = BY_NAME.get(word)
            return (found,) if found else ()
    return ()


def build_parser(configured: Iterable[Command]) -> argparse.ArgumentParser:
    """All commands by name and summary; only ``configured`` ones with their options, as that imports their modules."""
    chosen = {command.name for command in configured}
    parser = _Parser(
        prog="gatepost",
        description="Gatepost: a mail gateway and its administration.",
        epilog="“gatepost COMMAND --help” says more about a command, “gatepost help exit-codes” about exit codes.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gatepost {__version__}")
    add_common(parser, top=True)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for command in COMMANDS:
        added = commands.add_parser(
            command.name, help=command.summary, description=_sentence(command.summary), allow_abbrev=False
        )
        add_common(added)
        if command.name in chosen:
            module = importlib.import_module(f"gatepost.cli.{command.module}")
            module.configure(added, command.name)
            complete(added, command.name)
            for name, action in _actions_of(added):
                complete(action, command.name, name)
                add_common(action)
    return parser


def add_common(parser: argparse.ArgumentParser, *, top: bool = False) -> None:
    """``--data``, ``--relay`` and ``--json`` may stand before or after the command, and after its action."""
    default = None if top else argparse.SUPPRESS
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=default,
        help="data folder of the relay (default: $GATEPOST_DATA or the user's own)",
    )
    parser.add_argument(
        "--relay",
        metavar="NAME",
        default=default,
        help="another relay: “service” for the installed one, or a name of “gatepost relay-list”",
    )
    parser.add_argument(
        "--json", action="store_true", default=False if top else argparse.SUPPRESS, help="answer in JSON, for programs"
    )


def _actions_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _subparser_of(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the deepest command that was named, for its help."""
    for word in argv:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                parser = action.choices[word]
                break
    return parser


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith("…") else ".")
