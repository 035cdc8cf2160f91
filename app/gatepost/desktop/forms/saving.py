"""Saving a form: with the revision it was made for, and what happens when somebody else was faster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import deepcopy
from enum import StrEnum
from typing import Any

from PySide6.QtWidgets import QWidget

from ...control.client import Tagged
from ...control.schema import Saved
from ...model.errors import Conflict, InvalidInput, NotFound
from ..dialogs import Choice, choose
from ..i18n import tr
from .form_model import FormModel

Send = Callable[[dict[str, Any], int | None], Awaitable[Saved]]
Read = Callable[[], Awaitable[Tagged]]


class Outcome(StrEnum):
    SAVED = "saved"
    REFUSED = "refused"
    """The model says why at its fields; nothing was changed."""
    RELOADED = "reloaded"
    """Somebody else changed it, and the person took that."""
    CANCELLED = "cancelled"
    LEFT = "left"
    """It was saved, but the form shows another object by now, of which nothing was touched."""


async def save(parent: QWidget, model: FormModel, send: Send, read: Read | None) -> Outcome:
    """Send the draft. ``read`` gets the object anew (None for one that is not there yet).

    When the configuration changed meanwhile but this object did not, it is saved without a question. What is typed while it is
    sent stays, and is not saved yet. Raises what is neither a refusal nor a conflict: it goes to the page's banner. So does
    either of them where the form shows another object by then: there is no field to say it at, and nobody to ask.
    """
    model.show_all()
    if not model.is_valid:
        return Outcome.REFUSED
    revision, load = model.revision, model.loads
    while True:
        sent = model.candidate()
        try:
            saved = await send(deepcopy(sent), revision)
        except InvalidInput as error:
            if model.loads != load:
                raise
            model.merge(error.issues)
            return Outcome.REFUSED
        except Conflict as error:
            if model.loads != load:
                raise
            if read is None:
                if revision is None:
                    raise
                revision = None  # a new object disturbs nobody's change
                continue
            current = await _current(read)
            if model.loads != load:
                raise
            if current is None:
                raise NotFound(tr("Somebody else has deleted this meanwhile."), error.detail) from error
            if current.value == model.original:
                model.rebase(current.value, current.revision)
                revision = current.revision
                continue
            answer = await _ask(parent)
            if answer == "reload":
                model.load(current.value, current.revision)
                return Outcome.RELOADED
            if answer is None:
                return Outcome.CANCELLED
            revision = current.revision
            continue
        if model.loads != load:
            return Outcome.LEFT
        model.saved(sent, saved.object if saved.object is not None else sent, saved.revision)
        return Outcome.SAVED


async def _current(read: Read) -> Tagged | None:
    try:
        return await read()
    except NotFound:
        return None


async def _ask(parent: QWidget) -> str | None:
    return await choose(
        parent,
        tr("Changed meanwhile"),
        tr("Somebody else has changed this while you were editing it."),
        [
            Choice("reload", tr("&Load their version")),
            Choice("overwrite", tr("&Overwrite with mine"), is_dangerous=True),
        ],
        detail=tr("Loading their version discards what you typed."),
        is_warning=True,
    )
