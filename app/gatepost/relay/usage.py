"""What a person who started the relay in a terminal is told: where it listens, and the next three commands."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .service import RelayService


def command() -> str:
    """How the command line is called from where we are."""
    from pathlib import Path

    beside = Path(sys.executable).with_name("gatepost")
    if not beside.exists():
        return f"{sys.executable} -m gatepost"
    on_path = shutil.which(beside.name)
    if getattr(sys, "frozen", False) and on_path is not None and Path(on_path).samefile(beside):
        return beside.name  # as a package installs it
    try:
        return str(beside.relative_to(Path.cwd()))
    except ValueError:
        return str(beside)


async def usage(service: RelayService) -> str:
    gatepost = command()
    options = "" if service.is_default_folder else f" --data {service.folder.path}"
    listening = [item for item in service.reception.listeners() if item.state.value == "listening"]
    state = await service.vault.describe()
    lines = ["", f"Gatepost is running. Data: {service.folder.path}", ""]
    for item in listening:
        lines.append(f"  accepting mail     {item.address} port {item.port}")
    if not listening:
        lines.append("  accepting mail     nowhere yet: no listener could be opened (see the log above)")
    if state.usable:
        lines.append(f"  passwords          {state.label}")
    else:
        lines.append(f"  passwords          no vault: {state.problem} {state.hint}".rstrip())
    if service.made_vault_key is not None:
        lines.append(f"                     a new key was made: {service.made_vault_key} (keep a copy in a safe place)")
    port = listening[0].port if listening else 2525
    if not service.configuration.outbound:
        lines += [
            "",
            "Nothing says yet where mail shall go. In another terminal:",
            "",
            f"  {gatepost}{options} gateway add --host smtp.example.com --encryption starttls-required \\",
            "      --auth-username me@example.com",
        ]
    lines += [
        "",
        "Send a message through it, and see what became of it:",
        "",
        f"  swaks --server 127.0.0.1:{port} --from me@example.com --to you@example.net",
        f"  {gatepost}{options} track",
        "",
        f"All commands: {gatepost} --help.  End with Ctrl-C.",
        "",
    ]
    return "\n".join(lines)
