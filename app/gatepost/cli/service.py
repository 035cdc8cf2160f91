"""``gatepost service …``: the relay as a service of this system, through the system's own manager."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..model.errors import InvalidInput, Issue
from ..model.locations import default_data_folder, default_vault_key_file
from ..model.move_options import Elevation, GiveOptions, ReceiveOptions, Target
from ..service_manager.choose import manager
from ..service_manager.tools import relay_program
from ..service_manager.values import Done, NoManager, Outcome, State
from .exit_codes import SERVICE_WORDS, ExitCode, ServiceCode
from .output import Out
from .session import confirm

WORDS = {
    Outcome.INSTALLED: "The service is installed; it starts with the system.",
    Outcome.UPDATED: "The service was installed already; it is up to date now.",
    Outcome.ALREADY_INSTALLED: "The service is installed already, as it should be.",
    Outcome.REMOVED: "The service is removed.",
    Outcome.NOT_INSTALLED: "The service is not installed.",
    Outcome.STARTED: "The service runs.",
    Outcome.ALREADY_RUNNING: "The service runs already.",
    Outcome.STOPPED: "The service is stopped; it starts again with the system.",
    Outcome.ALREADY_STOPPED: "The service does not run.",
}
STATES = {
    State.NOT_INSTALLED: "not installed",
    State.STOPPED: "stopped",
    State.STARTING: "starting",
    State.RUNNING: "running",
    State.STOPPING: "stopping",
    State.FAILED: "failed",
}
_CODES = {State.RUNNING: ServiceCode.RUNNING, State.NOT_INSTALLED: ServiceCode.UNKNOWN}
"""Every other state is one in which it does not take mail."""


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    installing = actions.add_parser("install", help="install or update it, and start it")
    installing.add_argument("--no-start", action="store_true", help="do not start it yet")
    installing.set_defaults(run=install, needs="nothing")
    removing = actions.add_parser("remove", help="stop it and remove it; configuration and mail stay")
    removing.add_argument("--yes", action="store_true")
    removing.set_defaults(run=remove, needs="nothing")
    actions.add_parser("start", help="start its process").set_defaults(run=start, needs="nothing")
    actions.add_parser("stop", help="end its process; what it holds is finished first").set_defaults(run=stop, needs="nothing")
    codes = "exit codes: " + " · ".join(f"{int(code)} {words}" for code, words in SERVICE_WORDS.items())
    asking = actions.add_parser("status", help="whether it is installed, and runs", epilog=codes)
    asking.set_defaults(run=status, needs="nothing")
    adopting = actions.add_parser(
        "adopt", help="move this account's relay into the service: configuration, mail, passwords; its folder is set aside"
    )
    adopting.add_argument("--from", dest="source", type=Path, metavar="DIR", help="its data folder (default: --data)")
    adopting.add_argument("--vault", choices=("auto", "keyring", "sealed"), default="auto", help="where its passwords are")
    adopting.add_argument("--vault-key-file", type=Path, metavar="FILE", help="key of its sealed vault")
    adopting.add_argument("--replace", action="store_true", help="also when the service is in use: that is set aside")
    adopting.add_argument(
        "--elevate", choices=[one.value for one in Elevation], help="how root's half is started (default: sudo, or pkexec)"
    )
    adopting.set_defaults(run=adopt, needs="move")
    receiving = actions.add_parser("receive", help="root's half of “adopt”, which starts it itself")
    receiving.set_defaults(run=receive, needs="move")
    for one in (adopting, receiving):
        one.add_argument("--into", type=Path, metavar="DIR", help="data folder of a service that another manager runs")
        one.add_argument("--into-key-file", type=Path, metavar="FILE", help="key of that service's sealed vault")
        one.add_argument("--into-owner", metavar="ACCOUNT", default="", help="that service's account")


def adopt(arguments: argparse.Namespace) -> GiveOptions:
    return GiveOptions(
        data_folder=arguments.source or arguments.data or default_data_folder(),
        vault=arguments.vault,
        vault_key_file=arguments.vault_key_file or default_vault_key_file(),
        replace=arguments.replace,
        target=_target(arguments),
        elevation=Elevation(arguments.elevate) if arguments.elevate else _elevation(),
        as_json=arguments.json,
    )


def receive(arguments: argparse.Namespace) -> ReceiveOptions:
    return ReceiveOptions(_target(arguments))


def _target(arguments: argparse.Namespace) -> Target | None:
    if arguments.into is None:
        return None
    if arguments.into_key_file is None:
        raise InvalidInput([Issue("into-key-file", "the key of that service's passwords is needed")])
    return Target(arguments.into, arguments.into_key_file, arguments.into_owner)


def _elevation() -> Elevation:
    if sys.platform == "win32" or os.geteuid() == 0:
        return Elevation.NONE
    return Elevation.SUDO if sys.stdin.isatty() else Elevation.PKEXEC


def install(arguments: argparse.Namespace) -> int:
    return _tell(arguments, manager().install(relay_program(), start=not arguments.no_start))


def remove(arguments: argparse.Namespace) -> int:
    confirm("Remove the service? Configuration and mail stay where they are.", yes=arguments.yes)
    return _tell(arguments, manager().remove())


def start(arguments: argparse.Namespace) -> int:
    return _tell(arguments, manager().start())


def stop(arguments: argparse.Namespace) -> int:
    return _tell(arguments, manager().stop())


class _StateUnknown(NoManager):
    exit_code = ServiceCode.UNKNOWN


def status(arguments: argparse.Namespace) -> int:
    try:
        found = manager().status()
    except NoManager as error:
        raise _StateUnknown(error.title, error.detail, error.hint) from error
    out, code = Out(as_json=arguments.json), _CODES.get(found.state, ServiceCode.NOT_RUNNING)
    if out.as_json:
        out.json(found)
        return code
    pairs = [("service", STATES[found.state]), ("manager", found.manager)]
    if found.detail:
        pairs.append(("detail", found.detail))
    if found.pid:
        pairs.append(("process", str(found.pid)))
    if found.data_folder:
        pairs.append(("data", found.data_folder))
    if found.starts_at_boot is not None:
        pairs.append(("starts with the system", "yes" if found.starts_at_boot else "no"))
    out.pairs(pairs)
    return code


def _tell(arguments: argparse.Namespace, done: Done) -> int:
    out = Out(as_json=arguments.json)
    if out.as_json:
        out.json(done)
    else:
        for line in (WORDS[done.outcome], *done.notes):
            out.line(line)
    return ExitCode.DONE
