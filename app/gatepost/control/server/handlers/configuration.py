"""Objects, sections, revisions, export and import. Every change goes through ``save``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from ....model.configuration import Configuration, issues_of
from ....model.errors import InvalidInput, NotFound
from ....model.exchange import changes_between, export_configuration, plan_import
from ....model.fields import Model
from ....model.report import Changed
from ....model.secret import Secret
from ... import schema
from .. import editing
from ..call import Call, Tagged
from ..editing import DKIM_KEYS, GATEWAYS, USERS, Collection, Plain

Edit = Callable[[Configuration], tuple[Configuration, Any]]


class DifferenceQuery(Model):
    to: schema.Count | None = None


class Objects:
    """The routes of one list of objects."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def get_all(self, call: Call) -> Tagged:
        configuration, revision = await call.facade.configuration()
        return Tagged(editing.view(configuration)[self._collection.name], revision)

    async def get(self, call: Call) -> Tagged:
        configuration, revision = await call.facade.configuration()
        return Tagged(editing.find(configuration, self._collection, call.part("id")), revision)

    async def add(self, call: Call) -> Tagged:
        data: Plain = dict(call.body)
        verifier = None
        if self._collection is USERS and (password := _new_password(data)) is not None:
            verifier = await call.facade.make_verifier(password)

        def edit(current: Configuration) -> tuple[Configuration, Any]:
            changed, shown = editing.add(current, self._collection, data)
            return editing.with_verifier(changed, shown["id"], verifier) if verifier else (changed, shown)

        return await save(call, edit)

    async def replace(self, call: Call) -> Tagged:
        return await save(call, lambda now: editing.replace(now, self._collection, call.part("id"), call.body))

    async def patch(self, call: Call) -> Tagged:
        return await save(call, lambda now: editing.patch(now, self._collection, call.part("id"), call.body))

    async def patch_many(self, call: Call) -> Tagged:
        saved = await save(call, lambda now: (editing.patch_many(now, self._collection, call.body), None))
        await self._forget_secrets(call, [identifier for identifier, change in call.body.items() if change is None])
        return saved

    async def remove(self, call: Call) -> Tagged:
        saved = await save(call, lambda now: (editing.remove(now, self._collection, call.part("id")), None))
        await self._forget_secrets(call, [call.part("id")])
        return saved

    async def move(self, call: Call) -> Tagged:
        return await save(call, lambda now: editing.move(now, self._collection, call.part("id"), call.body.position))

    async def _forget_secrets(self, call: Call, removed: list[str]) -> None:
        if self._collection not in (GATEWAYS, DKIM_KEYS) or not removed or call.query.dry_run or call.query.keep_secrets:
            return
        kind = "gateway" if self._collection is GATEWAYS else "dkim"
        for note in await call.facade.secrets():
            if any(note.name.startswith(f"{kind}/{identifier}/") for identifier in removed):
                await call.facade.delete_secret(note.name)


class Section:
    """The routes of ``settings``, ``spam`` and ``virus``."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def get(self, call: Call) -> Tagged:
        configuration, revision = await call.facade.configuration()
        return Tagged(editing.view(configuration)[self._name], revision)

    async def replace(self, call: Call) -> Tagged:
        return await save(call, lambda now: editing.replace_section(now, self._name, call.body))

    async def patch(self, call: Call) -> Tagged:
        return await save(call, lambda now: editing.patch_section(now, self._name, call.body))


async def set_password(call: Call) -> Tagged:
    value = call.body.password.get_secret_value()
    verifier = await call.facade.make_verifier(Secret(value)) if value else None
    return await save(call, lambda now: editing.with_verifier(now, call.part("id"), verifier))


async def get_all(call: Call) -> Tagged:
    configuration, revision = await call.facade.configuration()
    return Tagged(editing.view(configuration), revision)


async def replace_all(call: Call) -> Tagged:
    return await save_all(call, lambda now: editing.replace_all(now, call.body))


async def patch_all(call: Call) -> Tagged:
    return await save_all(call, lambda now: editing.patch_all(now, call.body))


async def export(call: Call) -> Tagged:
    configuration, revision = await call.facade.configuration()
    return Tagged(export_configuration(configuration), revision)


async def import_document(call: Call) -> Tagged:
    document = call.body.document
    warnings: list[str] = []

    def plan(current: Configuration) -> Configuration:
        planned = plan_import(current, document)
        warnings[:] = planned.warnings
        return planned.configuration

    return await save_all(call, plan, note="imported", warnings=warnings)


async def revisions(call: Call) -> Any:
    return await call.facade.revisions(limit=call.query.limit, before=call.query.before)


async def revision(call: Call) -> Any:
    return editing.view(await call.facade.revision(call.number("number")))


async def difference(call: Call) -> Any:
    before = await call.facade.revision(call.number("number"))
    after = (await call.facade.configuration())[0] if call.query.to is None else await call.facade.revision(call.query.to)
    return _differences(before, after)


async def restore(call: Call) -> Tagged:
    number = call.number("number")
    wanted = await call.facade.revision(number)
    return await save_all(call, lambda _now: wanted, note=f"restored revision {number}")


async def save(call: Call, edit: Edit) -> Tagged:
    """Change through the facade, and answer with the object as it stands now."""
    outcome: list[Any] = [None]

    def change(current: Configuration) -> Configuration:
        changed, outcome[0] = edit(current)
        return changed

    done = await _change(call, change)
    return Tagged(
        schema.Saved(revision=done.revision, object=outcome[0], moves=done.moves, warnings=done.warnings), done.revision
    )


async def save_all(
    call: Call, edit: Callable[[Configuration], Configuration], note: str = "", warnings: Sequence[str] = ()
) -> Tagged:
    """Change through the facade, and answer with all that became different. ``warnings``: what ``edit`` adds to."""
    seen: list[tuple[Configuration, Configuration]] = []

    def change(current: Configuration) -> Configuration:
        changed = edit(current)
        seen[:] = [(current, changed)]
        return changed

    done = await _change(call, change, note)
    if not seen:
        raise NotFound("The relay did not apply the change.")
    before, after = seen[0]
    saved = schema.SavedDifferences(
        revision=done.revision,
        moves=done.moves,
        warnings=tuple(dict.fromkeys((*warnings, *done.warnings))),
        differences=_differences(before, after),
        missing_secrets=await _missing_secrets(call, after),
    )
    return Tagged(saved, done.revision)


def _differences(before: Configuration, after: Configuration) -> tuple[schema.Difference, ...]:
    return tuple(schema.Difference(path=c.path, before=c.before, after=c.after) for c in changes_between(before, after))


async def _change(call: Call, change: Callable[[Configuration], Configuration], note: str = "") -> Changed:
    return await call.facade.change(
        change,
        author=call.author,
        expected_revision=call.expected_revision(),
        note=call.query.note or note,
        dry_run=call.query.dry_run,
    )


async def _missing_secrets(call: Call, configuration: Configuration) -> tuple[str, ...]:
    stored = {note.name for note in await call.facade.secrets()}
    needed = [name for g in configuration.outbound for name in g.needed_secrets]
    needed += [g.smartermail_secret for g in configuration.gateways if g.smartermail.enabled]
    needed += [key.secret for key in configuration.dkim_keys if key.enabled]
    return tuple(name for name in needed if name not in stored)


def _new_password(data: Plain) -> Secret | None:
    """Takes the password out of a new user's data. Raises InvalidInput."""
    try:
        user = schema.NewUser.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(issues_of(error)) from None  # its text would quote the password
    data.pop("password", None)
    return Secret(user.password.get_secret_value()) if user.password and user.password.get_secret_value() else None
