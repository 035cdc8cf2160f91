"""Coming from another server: its files in, what they mean out; then the chosen parts as one revision."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ....model.configuration import Configuration
from ....model.errors import NotFound
from ....model.secret import Secret
from ... import import_schema
from ..call import Call, Tagged
from .configuration import save_all

if TYPE_CHECKING:
    from ....importing.proposal import Proposal  # what reads files of other servers is loaded when somebody has some


async def preview(call: Call) -> import_schema.ImportProposal:
    found = await _proposal(call)
    return import_schema.ImportProposal(
        source=found.source,
        parts=tuple(import_schema.ImportPart.model_validate(part) for part in found.parts),
        findings=tuple(import_schema.ImportFinding.model_validate(finding) for finding in found.findings),
        wanted=found.wanted,
        passwords=tuple(found.secrets),
    )


async def carry_out(call: Call) -> Tagged:
    """Passwords first: where the vault cannot take them, nothing is changed; where the change fails, they go again."""
    from ....importing.applying import chosen_parts, with_parts

    found = await _proposal(call)
    parts = chosen_parts(found, call.body.parts)
    gateways = {part.value["id"] for part in parts if part.key.startswith("gateway:")}
    secrets = {name: secret for name, secret in found.secrets.items() if name.split("/")[1] in gateways}

    def edit(current: Configuration) -> Configuration:
        return with_parts(current, parts)

    note = f"imported from {found.source}"
    if call.query.dry_run:
        return await save_all(call, edit, note=note)
    # What cannot be saved, or was made for another revision, is refused before any password is stored.
    await call.facade.change(edit, author=call.author, expected_revision=call.expected_revision(), dry_run=True)
    stored = await _store(call, secrets)
    try:
        return await save_all(call, edit, note=note)
    except BaseException:
        for name in stored:
            await asyncio.shield(call.facade.delete_secret(name))
        raise


async def _proposal(call: Call) -> Proposal:
    """Read off the loop: a table may have many lines."""
    from ....importing.kinds import ImportKind, propose
    from ....importing.proposal import SourceFile

    name = call.part("kind")
    if name not in list(ImportKind):
        raise NotFound(f"“{name[:40]}” is no server whose files can be read.", hint=f"Known are {', '.join(ImportKind)}.")
    files = [SourceFile(file.name, file.text.get_secret_value()) for file in call.body.files]
    return await asyncio.to_thread(propose, ImportKind(name), files)


async def _store(call: Call, secrets: dict[str, Secret]) -> list[str]:
    """The names of those that are new."""
    known = {note.name for note in await call.facade.secrets()}
    new: list[str] = []
    try:
        for name, secret in secrets.items():
            await call.facade.set_secret(name, secret)
            if name not in known:
                new.append(name)
    except BaseException:
        for name in new:
            await asyncio.shield(call.facade.delete_secret(name))
        raise
    return new
