"""DKIM keys: what their list of objects needs besides, making the pair and looking into DNS."""

from __future__ import annotations

from pydantic import ValidationError

from ....model.configuration import issues_of
from ....model.dkim import DkimKey
from ....model.errors import InvalidInput, Issue
from ....model.report import DkimCheck
from .. import editing
from ..call import Call, Tagged
from ..editing import DKIM_KEYS, Plain
from .configuration import save


async def add(call: Call) -> Tagged:
    """Makes the pair of keys: the private one goes to the vault and is never shown."""
    data: Plain = dict(call.body)
    if data.pop("public_key", ""):
        raise InvalidInput([Issue("public_key", "it is made here, together with the private key", "fixed")])
    configuration, _ = await call.facade.configuration()
    try:
        key = DkimKey.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(issues_of(error, DkimKey)) from error
    data["id"] = key.id
    editing.add(configuration, DKIM_KEYS, data)  # refuses before anything is made
    if call.query.dry_run:
        return await save(call, lambda now: editing.add(now, DKIM_KEYS, data))
    data["public_key"] = await call.facade.dkim.make_key(key.id, key.algorithm)
    try:
        return await save(call, lambda now: editing.add(now, DKIM_KEYS, data))
    except BaseException:
        await call.facade.delete_secret(key.secret)
        raise


async def check(call: Call) -> DkimCheck:
    return await call.facade.dkim.check(call.part("id"))
