"""Adding a relay on another machine: its address, its certificate to compare and pin, its token; tried before it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from ..model.errors import GatepostError, InvalidInput, Issue
from ..model.remote import DEFAULT_PORT
from ..model.secret import Secret
from .cards import FOCUS_ROOM, Banner, Dialog, FieldRow, NumberField, PageBody, Switch, TextField, Tone, field_line, label
from .forms.wording import words
from .i18n import tr
from .relay_texts import said, told
from .session import PROGRAM
from .tasks import Tasks
from .theme import Role, monospace, px, set_role
from .words import moment_text

if TYPE_CHECKING:
    from ..control.far import Seen
    from ..relays.book import Known


class AddRelayDialog(Dialog):
    """``ask`` answers ``added`` once it is; ``name`` then names it."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, tr("Add a relay on another machine"), width=560)
        self.setObjectName("add-relay")
        self.name = ""
        self._seen: Seen | None = None
        self._tasks = Tasks(self._unexpected)
        self.name_field = TextField(tr("Office"))
        self.host_field = TextField("relay.example.com")
        self.port_field = NumberField()
        self.port_field.set_value(DEFAULT_PORT)
        self.token_field = TextField("gp_…")
        self.token_field.setEchoMode(QLineEdit.EchoMode.Password)
        self.certificate = Banner(Tone.ACCENT)
        self.fingerprint = label("", wrap=True, selectable=True)
        self.fingerprint.setFont(monospace())
        self.fingerprint.setAccessibleName(tr("Fingerprint of the certificate"))
        self.same = Switch(tr("It is the same as on that machine"))
        self.problem = Banner(Tone.BAD)
        self._build()
        self.cancel = self.add_button("", tr("Cancel"))
        self.go = QPushButton(tr("Verify"))
        self.go.setObjectName("add-relay-go")
        self.go.setDefault(True)
        set_role(self.go, Role.PRIMARY)
        self.go.clicked.connect(lambda: self._tasks.spawn(self.go_on(), "verify"))
        self._buttons.addWidget(self.go)
        self.host_field.textEdited.connect(self._forget)
        self.port_field.changed.connect(self._forget)
        self.same.toggled.connect(self._follow)
        height = px(700)
        self.resize(px(560), min(height, parent.window().height() - px(20)) if parent is not None else height)
        self.name_field.setFocus()

    def _build(self) -> None:
        """Scrolls below the title where the window is small or the text large."""
        content = PageBody(in_dialog=True)
        title = label(tr("Add a relay on another machine"), Role.HEADING, wrap=True)
        title.setContentsMargins(px(FOCUS_ROOM), 0, 0, 0)
        self.add(title)
        advice = tr("On that machine, switch on remote administration in the settings and make a token there.")
        content.add(label(advice, Role.MUTED, wrap=True))
        content.add(FieldRow(tr("Name"), self.name_field, tr("As it is called in this list.")))
        host = FieldRow(tr("Host"), self.host_field, tr("Its name or IP address."))
        content.add(field_line((host, 3), (FieldRow(tr("Port"), self.port_field), 1)))
        content.add(FieldRow(tr("Token"), self.token_field, tr("It is kept in this account's password manager.")))
        for widget in (self.certificate, self.fingerprint, self.same, self.problem):
            widget.hide()
            content.add(widget)
        self._content = content
        self.body.addWidget(content, 1)

    async def end(self) -> None:
        await self._tasks.close()

    async def go_on(self) -> None:
        """The next step: look at the certificate, or try it and keep it."""
        self.go.setEnabled(False)
        self.problem.hide()
        try:
            if self._seen is None:
                await self._look()
            else:
                await self._keep()
        except InvalidInput as error:
            self._tell(tr("Some fields are not right."), "\n".join(self._wrong(issue) for issue in error.issues))
        except GatepostError as error:
            self._tell(said(error.title), told(error.detail, error.hint))
        finally:
            self._follow()

    async def _look(self) -> None:
        from ..control import far

        checked = self._validated("0" * 64)
        seen = await far.look(checked.host, checked.port)
        if (checked.host, checked.port) != self._where():
            return  # typed meanwhile: it is another machine's
        self._seen = seen
        detail = tr("It stands there in Settings → Remote administration, and “gatepost remote status” says it.")
        if seen.is_expired:
            detail += " " + tr("It has expired: {date}.", date=moment_text(seen.not_after))
        self.certificate.tell(
            Tone.WARNING if seen.is_expired else Tone.ACCENT,
            tr("Compare this certificate with what that machine shows."),
            detail,
        )
        self.fingerprint.setText(far.grouped(seen.fingerprint))
        for widget in (self.certificate, self.fingerprint, self.same):
            widget.show()
        self.same.setFocus()
        QTimer.singleShot(0, self, lambda: self._content.ensureWidgetVisible(self.same))  # once it has its place

    async def _keep(self) -> None:
        from ..control.client import Client, Remote
        from ..relays.book import RelayBook

        assert self._seen is not None  # noqa: S101 - it was looked at before
        known = self._validated(self._seen.fingerprint)
        token = Secret(self.token_field.text().strip())
        async with await Client.connect(Remote(known.name, known.host, known.port, known.fingerprint, token), program=PROGRAM):
            pass
        await RelayBook().add(known, token)
        self.name = known.name
        self.answer("added")

    def _validated(self, fingerprint: str) -> Known:
        from ..relays.book import validated

        port = self.port_field.value()
        return validated(
            self.name_field.text().strip() or self.host_field.text().strip(), self.host_field.text().strip(),
            port if isinstance(port, int) else -1, fingerprint,
        )  # fmt: skip

    def _where(self) -> tuple[str, object]:
        try:
            now = self._validated("0" * 64)
        except InvalidInput:
            return "", None
        return now.host, now.port

    def _wrong(self, issue: Issue) -> str:
        names = {"name": tr("Name"), "host": tr("Host"), "port": tr("Port"), "token": tr("Token")}
        return f"{names[issue.field]}: {words(issue)}" if issue.field in names else words(issue)

    def _forget(self) -> None:
        """Another host has another certificate."""
        self._seen = None
        self.same.setChecked(False)
        for widget in (self.certificate, self.fingerprint, self.same):
            widget.hide()
        self._follow()

    def _follow(self) -> None:
        self.go.setText(tr("Verify") if self._seen is None else tr("Add"))
        self.go.setEnabled(self._seen is None or self.same.isChecked())

    def _tell(self, title: str, detail: str) -> None:
        self.problem.tell(Tone.BAD, title, detail)
        self.problem.show()
        QTimer.singleShot(0, self, lambda: self._content.ensureWidgetVisible(self.problem))

    def _unexpected(self, error: BaseException, _name: str) -> None:
        self._tell(tr("Something went wrong."), str(error))
