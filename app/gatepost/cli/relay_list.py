"""``relay-list``: relays on other machines that this account administers, by ``gatepost --relay NAME …``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Coroutine
from typing import Any

from ..control import far
from ..control.client import Client, Remote, has_service
from ..control.place import Place
from ..model.errors import GatepostError, InvalidInput
from ..model.remote import DEFAULT_PORT
from ..model.secret import Secret
from ..relays.book import RelayBook, validated
from .exit_codes import ExitCode
from .output import Out
from .session import PROGRAM, Unanswered, ask, is_interactive, read_password


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    parser.set_defaults(run=_list, needs="nothing")
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("list", help="names, addresses and pinned certificates").set_defaults(run=_list, needs="nothing")
    adding = actions.add_parser("add", help="a relay on another machine, with a token that was made there")
    adding.add_argument("name")
    adding.add_argument("--host", required=True)
    adding.add_argument("--port", type=int, default=DEFAULT_PORT)
    adding.add_argument(
        "--fingerprint", help="SHA-256 of its certificate, as “gatepost remote status” shows it there; else you are asked"
    )
    _token_option(adding)
    adding.set_defaults(run=_add, needs="nothing")
    for action, words, run in (
        ("token", "give another token for it", _token),
        ("pin", "trust the certificate that it has now", _pin),
        ("remove", "forget it, and its token", _remove),
    ):
        one = actions.add_parser(action, help=words)
        one.add_argument("name")
        if action == "token":
            _token_option(one)
        if action == "pin":
            one.add_argument("--fingerprint", help="the one to trust; else what it shows is asked about")
        one.set_defaults(run=run, needs="nothing")


def _token_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--token-stdin", action="store_true", help="read the token from standard input, up to the line's end")


def _list(arguments: argparse.Namespace) -> int:
    out, found = Out(as_json=arguments.json), RelayBook().all()
    if out.as_json:
        out.json({"relays": [one.model_dump() for one in found], "service": has_service()})
        return ExitCode.DONE
    rows = [(one.name, one.host, str(one.port), one.fingerprint) for one in found]
    out.table(("NAME", "HOST", "PORT", "CERTIFICATE"), rows, empty="There are none. “gatepost relay-list add NAME --host …”")
    if has_service():
        out.note("On this computer there is an installed service as well: gatepost --relay service status")
    return ExitCode.DONE


def _add(arguments: argparse.Namespace) -> int:
    return _run(_adding(arguments))


async def _adding(arguments: argparse.Namespace) -> None:
    checked = validated(arguments.name, arguments.host, arguments.port, arguments.fingerprint or "0" * 64)
    fingerprint = arguments.fingerprint or await _shown(checked.host, checked.port)
    known = validated(arguments.name, arguments.host, arguments.port, fingerprint)
    token = _read_token(arguments)
    await _try(Remote(known.name, known.host, known.port, known.fingerprint, token))
    await RelayBook().add(known, token)
    _note(arguments, f"Added. “gatepost --relay {known.name} status” asks it.")


def _token(arguments: argparse.Namespace) -> int:
    async def renew() -> None:
        known, token = RelayBook().find(arguments.name), _read_token(arguments)
        await _try(Remote(known.name, known.host, known.port, known.fingerprint, token))
        await RelayBook().set_token(known.name, token)
        _note(arguments, "The token is stored.")

    return _run(renew())


def _pin(arguments: argparse.Namespace) -> int:
    async def pin() -> None:
        known = RelayBook().find(arguments.name)
        await RelayBook().pin(known.name, arguments.fingerprint or await _shown(known.host, known.port))
        _note(arguments, "Pinned.")

    return _run(pin())


def _remove(arguments: argparse.Namespace) -> int:
    async def remove() -> None:
        await RelayBook().remove(arguments.name)
        _note(arguments, "Removed.")

    return _run(remove())


def _run(work: Coroutine[Any, Any, None]) -> int:
    asyncio.run(work)
    return ExitCode.DONE


def _note(arguments: argparse.Namespace, text: str) -> None:
    Out(as_json=arguments.json).note(text)


async def _shown(host: str, port: int) -> str:
    """The certificate that answers there, once a person has compared it. Raises Unanswered."""
    seen = await far.look(host, port)
    if not is_interactive():
        raise Unanswered(
            "The certificate must be compared.",
            f"{host} shows {seen.fingerprint}.",
            "Compare it with “gatepost remote status” on that machine, and say --fingerprint.",
        )
    Out(as_json=False).note(f"{host} shows the certificate {far.grouped(seen.fingerprint)} ({seen.subject}).")
    if not ask("Does “gatepost remote status” show the same on that machine?"):
        raise Unanswered("Nothing was done.")
    return seen.fingerprint


async def _try(place: Place) -> None:
    async with await Client.connect(place, program=PROGRAM):
        pass


def _read_token(arguments: argparse.Namespace) -> Secret:
    try:
        return read_password("The token", from_stdin=arguments.token_stdin, twice=False)
    except Unanswered as error:
        raise Unanswered(error.title, error.detail, "Say --token-stdin.") from None
    except InvalidInput:
        raise GatepostError("The token was not stored.", "It is empty.") from None
