"""``gatepost help``: topics that belong to no single command."""

from __future__ import annotations

import argparse

from .exit_codes import SERVICE_WORDS, WORDS
from .output import Out


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    parser.add_argument("topic", choices=("exit-codes",), nargs="?", default="exit-codes")
    parser.set_defaults(run=run, needs="nothing")


def run(arguments: argparse.Namespace) -> None:
    if arguments.json:
        of_commands = {str(int(code)): words for code, words in WORDS.items()}
        of_service = {str(int(code)): words for code, words in SERVICE_WORDS.items()}
        Out(as_json=True).json({"exit_codes": of_commands, "service_status": of_service})
        return
    for code, words in WORDS.items():
        print(f"{int(code):>4}  {words}")
    print("\nOf “gatepost service status”, as systemctl's:")
    for service_code, words in SERVICE_WORDS.items():
        print(f"{int(service_code):>4}  {words}")
