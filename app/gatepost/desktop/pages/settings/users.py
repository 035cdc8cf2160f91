"""Settings → Relay users: who may send through the relay after signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtWidgets import QLineEdit, QPushButton

from ....control.schema import UserView
from ....model.secret import Secret
from ...cards import Card, FieldRow, Tone, field_line
from ...i18n import tr
from ...theme import Role, set_role
from ..wording import Plain
from .object_section import Line, ObjectSection, Words, enabled_badge

if TYPE_CHECKING:
    from ..page import Page


class UsersSection(ObjectSection):
    collection = "users"
    kind = UserView
    draft: ClassVar[Plain] = {"username": "", "enabled": True, "description": "", "has_password": False}

    def __init__(self, page: Page) -> None:
        super().__init__(
            page,
            Words(
                title=tr("Relay users"),
                subtitle=tr("Programs and people who may send mail to anywhere after signing in."),
                add=tr("Add a user"),
                new=tr("New relay user"),
                empty=tr("No relay users"),
                empty_text=tr("Add one for each program or device that signs in to send mail."),
                icon="user",
                consequence=tr("Whoever signs in with this name is refused from then on."),
            ),
        )

    def build_editor(self) -> None:
        card = Card()
        card.add_fields(
            self.fields.text("username", tr("Username"), tr("Large and small letters are the same.")),
            self.fields.text("description", tr("Description")),
        )
        edit = QLineEdit()
        edit.setEchoMode(QLineEdit.EchoMode.Password)
        edit.textEdited.connect(lambda _text: self._changed())
        self.edit_password = edit
        self.password = FieldRow(tr("Password"), edit)
        self.remove = QPushButton(tr("Remove the password"))
        set_role(self.remove, Role.DANGER)
        self.remove.setCheckable(True)
        self.remove.toggled.connect(lambda _on: self._changed())
        card.add(field_line((self.password, 3)))
        card.add(field_line((self.remove, 1)))
        card.add_fields(self.fields.switch("enabled", tr("May sign in")))
        self.column.addWidget(card)

    @property
    def has_draft(self) -> bool:
        return super().has_draft or (self.is_editing and bool(self.edit_password.text() or self.remove.isChecked()))

    def filled(self) -> None:
        self.edit_password.clear()
        self.remove.setChecked(False)

    def revert(self) -> None:
        self.filled()
        super().revert()

    def _show_list(self) -> None:
        """A password that was typed and not saved does not stay behind."""
        self.filled()
        super()._show_list()

    def follow(self) -> None:
        known = bool(self.model.get("has_password"))
        self.remove.setVisible(known)
        removed = self.remove.isChecked()
        self.edit_password.setEnabled(not removed)
        self.edit_password.setPlaceholderText(tr("A password is set; type another one to replace it") if known else "")
        if removed:
            self.password.set_help(tr("Will be removed when you save: the user cannot sign in."))
        elif known:
            self.password.set_help(tr("Nobody can read it, only replace it."))
        else:
            self.password.set_help(tr("Without one the user cannot sign in."))

    async def saved(self, identifier: str) -> None:
        """The password is no part of the object and never shown again."""
        text = self.edit_password.text()
        if text or self.remove.isChecked():
            password = Secret("" if self.remove.isChecked() else text)
            saved = await self.context.session.client.set_user_password(identifier, password)
            if saved.object is not None:  # a change of its own: the next save is made for what it left
                self.model.saved(self.model.original, saved.object, saved.revision)
        if self.edit_password.text() == text:  # else another one was typed meanwhile
            self.filled()

    async def _send(self, candidate: dict[str, Any], revision: int | None) -> Any:
        candidate.pop("has_password", None)
        return await super()._send(candidate, revision)

    def line(self, one: Plain) -> Line:
        word, tone = enabled_badge(one)
        if one["enabled"] and not one.get("has_password"):
            word, tone = tr("No password"), Tone.WARNING
        return Line(str(one["username"]), str(one["description"]), word, tone)
