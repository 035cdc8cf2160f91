"""What is done with captured mail: on what is chosen, or on all that match. How many is said before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from PySide6.QtWidgets import QWidget

from ....control.capture_schema import CapturedRow, ReleaseCapturedRequest
from ....model.issues import issues_of
from ...cards import ChoiceField, Dialog, FieldRow, ListField, confirm, label
from ...forms.wording import words
from ...i18n import ntr, tr
from ...theme import Role
from ..lists.gateways import KnownGateway


async def ask_delete(parent: QWidget, number: int) -> bool:
    return await confirm(
        parent,
        tr("Delete"),
        ntr("Delete {n} captured message?", "Delete {n} captured messages?", number) + "\n\n" + tr("It cannot be undone."),
        ntr("Delete {n} message", "Delete {n} messages", number),
        is_dangerous=True,
    )


async def ask_clear(parent: QWidget, name: str, number: int) -> bool:
    text = ntr("Delete the {n} message in “{name}”?", "Delete all {n} messages in “{name}”?", number, name=name)
    return await confirm(
        parent,
        tr("Clear the tray"),
        text + "\n\n" + tr("It cannot be undone."),
        ntr("Delete {n} message", "Delete {n} messages", number),
        is_dangerous=True,
    )


@dataclass(frozen=True, slots=True)
class Release:
    """``gateway`` None: by the routes. ``recipients`` None: those of the envelope."""

    gateway: str | None = None
    recipients: tuple[str, ...] | None = None


class ReleaseDialog(Dialog):
    """By which gateway, and for a single message to whom. ``row`` None: for several."""

    def __init__(self, parent: QWidget, gateways: Sequence[KnownGateway], number: int, row: CapturedRow | None) -> None:
        super().__init__(parent, tr("Release captured mail"))
        self._row = row
        self.add(label(tr("Release captured mail"), Role.HEADING, wrap=True))
        said = ntr("{n} message leaves the test inbox for real.", "{n} messages leave the test inbox for real.", number)
        self.add(label(said + " " + tr("A copy stays here."), wrap=True))
        self.gateway = ChoiceField([("", tr("As the routes say")), *((one.id, one.label) for one in gateways)])
        self.gateway.set_value("")
        self.add(FieldRow(tr("Gateway"), self.gateway))
        self.to = FieldRow(tr("To"), ListField(add_text=tr("Add a recipient")), tr("As in the envelope, unless you change it."))
        self.add(self.to)
        self.body.addStretch(1)
        self.to.setVisible(row is not None and row.recipient_count == len(row.recipients))
        self._field = self.to.field
        if row is not None and isinstance(self._field, ListField):
            self._field.set_values(row.recipients)
        self.add_button("", tr("Cancel"))
        self.yes = self.add_button(
            "yes", ntr("Release {n} message", "Release {n} messages", number), Role.PRIMARY, is_default=True
        )

    def release(self) -> Release:
        gateway = str(self.gateway.value()) or None
        if self._row is None or self.to.isHidden() or not isinstance(self._field, ListField):
            return Release(gateway)
        typed = tuple(one.strip() for one in self._field.values() if one.strip())
        return Release(gateway, None if typed == self._row.recipients else typed)

    def answer(self, key: str) -> None:
        """Stays open while there is nobody to send to, or an address is none."""
        if key == "yes" and (recipients := self.release().recipients) is not None:
            error = wrong_recipients(recipients)
            self.to.set_error(error)
            if error:
                return
        super().answer(key)


def wrong_recipients(recipients: tuple[str, ...]) -> str:
    """What is wrong with them, in words; empty where nothing is."""
    if not recipients:
        return tr("Type an address.")
    try:
        ReleaseCapturedRequest(recipients=recipients)
    except ValidationError as error:
        return words(issues_of(error, ReleaseCapturedRequest)[0])
    return ""
