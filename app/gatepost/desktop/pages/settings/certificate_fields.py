"""A listener's certificate and key: which files, whose certificate it is, and whether the relay can use it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QPushButton, QSizePolicy, QWidget

from ....control.place import Remote
from ....model.errors import GatepostError
from ...cards import Badge, Facts, FieldRow, LeadLayout, TextField, Tone, field_line, label, line, rows
from ...dialogs import show_dialog
from ...forms import Form
from ...i18n import ntr, tr
from ...relay_texts import told
from ...theme import Role
from ...words import moment_text

if TYPE_CHECKING:
    from ....model.report import CertificateReport
    from ..page import Page

LOOK_MS = 400
SOON_DAYS = 21
_DAY = 86_400


class FileField(QWidget):
    """A path on the relay's machine, typed or chosen."""

    def __init__(self, title: str, page: Page) -> None:
        super().__init__()
        self._page = page
        self._title = title
        layout = line(self)
        self.edit = TextField()
        layout.addWidget(self.edit, 1)
        self.button = QPushButton(tr("Choose…"))
        self.button.clicked.connect(lambda: page.spawn(self._choose(), "choose a file"))
        layout.addWidget(self.button)
        # There is no looking at another machine's files from here.
        self.button.setHidden(isinstance(page.context.session.elsewhere, Remote))
        self.setFocusProxy(self.edit)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.edit.setAccessibleName(name)
        self.button.setAccessibleName(tr("Choose {name}", name=name))

    async def _choose(self) -> None:
        dialog = QFileDialog(self._page.window(), self._title, self.edit.text())
        dialog.setNameFilters([tr("PEM files (*.pem *.crt *.cer *.key)"), tr("All files (*)")])
        chosen: list[str] = []
        dialog.fileSelected.connect(chosen.append)
        await show_dialog(dialog)
        if chosen:
            self.edit.setText(chosen[0])
            self.edit.textEdited.emit(chosen[0])
            self.edit.left.emit()


class CertificateFields(QWidget):
    """Bound to ``certificate_file`` and ``key_file`` of a form."""

    def __init__(self, form: Form, page: Page) -> None:
        super().__init__()
        self._form = form
        self._page = page
        outer = rows(self)
        outer.addWidget(
            label(tr("Empty: a self-signed certificate is made, which other servers accept but users' programs warn of."),
                  Role.MUTED, wrap=True)
        )  # fmt: skip
        certificate = FieldRow(tr("Certificate"), FileField(tr("Certificate"), page), tr("A PEM file with the whole chain."))
        key = FieldRow(tr("Private key"), FileField(tr("Private key"), page), tr("A PEM file without a passphrase."))
        for path, row in (("certificate_file", certificate), ("key_file", key)):
            self._bind(path, row)
        outer.addWidget(field_line(certificate, key))
        self.seen = CertificateView()
        self.seen.hide()
        outer.addWidget(self.seen)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LOOK_MS)
        self._later.timeout.connect(lambda: page.spawn(self._look(), "look at the certificate"))

    def _bind(self, path: str, row: FieldRow) -> None:
        edit: TextField = row.field.edit  # type: ignore[attr-defined]

        def typed(text: str) -> None:
            self._form.model.set(path, text)
            self._later.start()

        def shows(value: Any) -> None:
            if edit.text() != str(value or ""):
                edit.setText(str(value or ""))

        edit.textEdited.connect(typed)
        edit.left.connect(lambda: self._form.model.touch(path))
        self._form.add_custom(path, row, shows)

    def look(self) -> None:
        """Say what the files hold."""
        self._later.start()

    async def _look(self) -> None:
        files = self._files
        if not all(files):
            self.seen.hide()
            return
        try:
            found = await self._page.context.session.client.inspect_certificate(*files)
        except GatepostError:
            found = None  # what is wrong with a path stands under its field
        if found is None or files != self._files:  # else they are others by now, which are looked at next
            self.seen.hide()
            return
        self.seen.tell(found)
        self.seen.show()

    @property
    def _files(self) -> tuple[str, str]:
        model = self._form.model
        return str(model.get("certificate_file") or ""), str(model.get("key_file") or "")


class CertificateView(QWidget):
    """A certificate in words."""

    def __init__(self) -> None:
        super().__init__()
        outer = rows(self, gap=8)
        head = QWidget()
        layout = LeadLayout(head)
        self._subject = label("", Role.STRONG, wrap=True, selectable=True)
        self._badge = Badge()
        layout.addWidget(self._subject)
        layout.addWidget(self._badge)
        outer.addWidget(head)
        self._problem = label("", Role.ERROR, wrap=True, selectable=True)
        outer.addWidget(self._problem)
        self.facts = Facts()
        outer.addWidget(self.facts)

    def tell(self, report: CertificateReport) -> None:
        self._subject.setText(", ".join(report.names) or report.subject or tr("No certificate"))
        self._badge.set(*validity(report))
        self._problem.setText(told(report.problem, report.hint))
        self._problem.setVisible(bool(report.problem))
        self.facts.set(certificate_facts(report))


def validity(report: CertificateReport, now: float | None = None) -> tuple[str, Tone]:
    """A word for how it does, and how good that is."""
    now = time.time() if now is None else now
    if report.not_after is None:
        return tr("Cannot be used"), Tone.BAD
    days = int((report.not_after - now) // _DAY)
    if report.problem:
        return tr("Cannot be used"), Tone.BAD
    if days < 0:
        return tr("Expired"), Tone.BAD
    if report.not_before is not None and report.not_before > now:
        return tr("Not valid yet"), Tone.BAD
    if days < SOON_DAYS:
        return ntr("Expires in {n} day", "Expires in {n} days", days), Tone.WARNING
    if report.is_self_signed:
        return tr("Self-signed"), Tone.NEUTRAL
    return ntr("Valid for {n} day", "Valid for {n} days", days), Tone.GOOD


def certificate_facts(report: CertificateReport) -> list[tuple[str, str]]:
    blocks = [report.fingerprint[i : i + 4].upper() for i in range(0, len(report.fingerprint), 4)]
    return [
        (tr("Issued to"), report.subject),
        (tr("Issued by"), "" if report.is_self_signed else report.issuer),
        (tr("Valid until"), moment_text(report.not_after) if report.not_after is not None else ""),
        (tr("SHA-256"), " ".join(blocks)),
        (tr("Certificate"), report.certificate_file),
        (tr("Private key"), report.key_file),
    ]
