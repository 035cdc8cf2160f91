"""``gatepost import …``: what another server's configuration means here, and with ``--apply`` taking it over."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..control.client import Client
from ..control.foreign_files import Texts, preview
from ..control.import_schema import ImportFinding, ImportProposal
from .output import Out, plural

KINDS = ("postfix", "hmailserver", "iis", "smartermail")
_HEADINGS = {
    "understood": ("Understood", ""),
    "decide": ("Look at this", "warning"),
    "left-out": ("Not taken over", "quiet"),
}


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE",
        help="such as /etc/postfix, main.cf with its tables, hMailServerBackup.xml or MetaBase.xml",
    )  # fmt: skip
    parser.add_argument("--apply", action="store_true", help="take it over; without it nothing is saved")
    parser.add_argument("--only", action="append", metavar="KEY", help="take over these parts only")
    parser.add_argument("--without", action="append", metavar="KEY", default=[], help="take over all but these parts")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    files, proposal, more = await preview(client, arguments.kind, arguments.files)
    if more:
        out.note(f"Read, too: {', '.join(str(path) for path in more)}")
    if arguments.apply:
        await _apply(arguments, client, out, files, proposal)
    elif out.as_json:
        out.json(proposal)
    else:
        _tell(proposal, out)


async def _apply(arguments: argparse.Namespace, client: Client, out: Out, files: Texts, proposal: ImportProposal) -> None:
    from .config import tell_differences

    keys = arguments.only if arguments.only is not None else [part.key for part in proposal.parts if part.chosen]
    chosen = [key for key in keys if key not in arguments.without]
    saved = await client.import_from(arguments.kind, files, chosen)
    tell_differences(saved, out, f"Taken over: {plural(len(chosen), 'part', 'parts')}, as revision {saved.revision}.")


def _tell(proposal: ImportProposal, out: Out) -> None:
    for kind, (heading, style) in _HEADINGS.items():
        found = [finding for finding in proposal.findings if finding.kind == kind]
        if found:
            out.styled((heading, "strong"))
            for finding in found:
                out.styled((f"  {_place(finding)}  ", "quiet"), (finding.text, style))
    out.line()
    out.table(
        ("", "PART", "WHAT"),
        [("+" if part.chosen else "-", part.key, part.title) for part in proposal.parts],
        empty="There is nothing to take over.",
    )
    if proposal.passwords:
        out.line(f"{plural(len(proposal.passwords), 'password', 'passwords')} would go to the vault.")
    out.note("Nothing was saved. “--apply” takes over what is marked +; “--only KEY” and “--without KEY” choose.")


def _place(finding: ImportFinding) -> str:
    name = Path(finding.place.file).name
    return f"{name}:{finding.place.line}" if finding.place.line else name
