"""The two halves as roles of the program."""

from __future__ import annotations

import json
import sys

from ..model.move_options import GiveOptions, ReceiveOptions

_WORDS = {
    "asking": "Asking whether the service takes it …",
    "ending": "The relay finishes what it holds …",
    "reading": "Reading what it has …",
    "copying": "Copying …",
    "checking": "Checking the copy …",
    "deciding": "Setting the old folder aside …",
    "starting": "Starting the service …",
}


def run(options: GiveOptions | ReceiveOptions) -> int:
    """Raises GatepostError, told by the caller."""
    if isinstance(options, ReceiveOptions):
        from .receiving import receive

        return receive(options, sys.stdin.buffer, sys.stdout.buffer)
    from .giving import give

    last = [""]

    def say(stage: str, done: int, total: int) -> None:
        if options.as_json:
            print(json.dumps({"stage": stage, "done": done, "total": total}), flush=True)  # noqa: T201 - for programs
        elif stage != last[0]:
            print(_WORDS[stage], file=sys.stderr, flush=True)  # noqa: T201 - for people
        last[0] = stage

    found = give(options, say)
    if options.as_json:
        print(json.dumps(found))  # noqa: T201
        return 0
    print(f"The relay has moved into the service: {found['data_folder']}.")  # noqa: T201
    print(f"Its old folder is kept as {found['moved_to']}; remove it when all is well.")  # noqa: T201
    if found["set_aside"]:
        print(f"What the service had is kept as {found['set_aside']}.")  # noqa: T201
    if found["hint"]:
        print(f"To administer it without root: {found['hint']}")  # noqa: T201
    print("Administer it: gatepost --relay service status")  # noqa: T201
    return 0
