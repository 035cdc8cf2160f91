"""A command with a relay at the other end, and questions to the person who called it."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys

from ..control.client import Client, Local, Place
from ..model.errors import GatepostError, InvalidInput, Issue
from ..model.locations import default_data_folder
from ..model.secret import Secret
from .exit_codes import ExitCode
from .output import Out

PROGRAM = "gatepost-cli"
LOCAL = "local"


class Unanswered(GatepostError):
    """A question that nobody is there to answer."""

    code = "unanswered"
    exit_code = ExitCode.USAGE


def run_with_client(arguments: argparse.Namespace) -> int:
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    async with await Client.connect(await _place(arguments), program=PROGRAM) as client:
        return int(await arguments.run(arguments, client, Out(as_json=arguments.json)) or 0)


async def _place(arguments: argparse.Namespace) -> Place:
    """Of --relay, else of --data or the account's own relay."""
    named: str | None = arguments.relay
    if named is None or named == LOCAL:
        return Local(arguments.data or default_data_folder())
    if arguments.data is not None:
        raise Unanswered("Which relay is meant?", "--data names one on this computer, --relay another one.", "Say one of them.")
    from ..relays.book import RelayBook  # with the vault: seldom needed

    return await RelayBook().place(named)


def is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Returns when the answer is yes. Raises Unanswered when it is not, or when nobody can be asked."""
    if yes:
        return
    if not is_interactive():
        raise Unanswered(question, "Nobody is there to confirm it.", "Say --yes.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise Unanswered("Nothing was done.")


def ask(question: str) -> bool:
    """True only when a person said yes."""
    if not is_interactive():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def add_password_options(parser: argparse.ArgumentParser, what: str, prefix: str = "") -> None:
    """Passwords never stand on a command line: other users of the machine can read that."""
    parser.add_argument(
        f"--{prefix}password-stdin", action="store_true", help=f"read {what} from standard input, up to the first line's end"
    )


def read_password(what: str, *, from_stdin: bool, twice: bool = True) -> Secret:
    """From standard input, or asked for (twice, where nothing else tells a slip). Raises Unanswered when neither is possible,
    InvalidInput when it is empty. A person at a terminal is asked in any case: what is typed there must not be shown."""
    if from_stdin and not sys.stdin.isatty():
        value = _line_of_stdin()
    elif from_stdin or is_interactive():
        value = getpass.getpass(f"{what}: ")
        if value and twice and getpass.getpass("Once more: ") != value:
            raise InvalidInput([Issue("password", "the two differ")], "The password was not stored.")
    else:
        raise Unanswered(f"{what} is needed.", "There is no terminal to ask for it.", "Say --password-stdin.")
    if not value:
        raise InvalidInput([Issue("password", "it is empty")], "The password was not stored.")
    return Secret(value)


def _line_of_stdin() -> str:
    try:
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InvalidInput([Issue("password", "it is not valid UTF-8")], "The password was not stored.") from None
