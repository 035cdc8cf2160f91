"""``gatepost relay``: the options of a relay process."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..model.locations import default_data_folder, default_vault_key_file
from ..model.relay_options import LogLevel, RelayOptions


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    parser.add_argument(
        "--vault", choices=("auto", "keyring", "sealed"), default="auto",
        help="where passwords are kept: the account's keyring, or a file sealed with a key",
    )  # fmt: skip
    parser.add_argument(
        "--vault-key-file", type=Path, metavar="FILE", default=None,
        help="key of the sealed vault (mode 0600); a systemd credential wins over it",
    )  # fmt: skip
    parser.add_argument("--create-vault-key", action="store_true", help="make that key file if there is none")
    parser.add_argument(
        "--lifeline", action="store_true", help="end when standard input ends: for programs that start a relay of their own"
    )
    parser.add_argument(
        "--runtime-folder",
        type=Path,
        metavar="DIR",
        help="folder of the control socket, for a service (default: the account's)",
    )
    parser.add_argument("--access-group", metavar="GROUP", default="", help="its members may administer this relay as well")
    parser.add_argument("--windows-service", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--log-level", choices=[level.value for level in LogLevel], default=LogLevel.INFO.value)
    parser.set_defaults(run=options, needs="relay")


def options(arguments: argparse.Namespace) -> RelayOptions:
    return RelayOptions(
        data_folder=arguments.data or default_data_folder(),
        vault=arguments.vault,
        vault_key_file=arguments.vault_key_file or default_vault_key_file(),
        create_vault_key=arguments.create_vault_key,
        lifeline=arguments.lifeline,
        log_level=LogLevel(arguments.log_level),
        runtime_folder=arguments.runtime_folder,
        access_group=arguments.access_group,
        windows_service=arguments.windows_service,
    )
