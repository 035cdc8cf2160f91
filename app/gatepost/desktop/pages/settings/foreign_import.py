"""“From another server”: choose its files, see what they mean, choose what to take over. A card of Import and export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QFrame, QPushButton, QWidget

from ....control.foreign_files import Texts, preview
from ....model.errors import GatepostError
from ... import relay_texts
from ...cards import Banner, Card, ChoiceField, FieldRow, Tone, confirm, label, line, rows
from ...dialogs import show_dialog
from ...i18n import ntr, tr
from ...theme import Role, icon, px, set_role
from .import_texts import said

if TYPE_CHECKING:
    from ....control.import_schema import ImportFinding, ImportPart, ImportProposal
    from .section import Section

SHOWN = 200
"""Lines of one kind; the rest is counted."""


def _kinds() -> tuple[tuple[object, str], ...]:
    return (("postfix", "Postfix"), ("hmailserver", "hMailServer"), ("iis", "IIS SMTP"), ("smartermail", "SmarterMail"))


def _what_to_give(kind: object) -> str:
    return {
        "postfix": tr("main.cf; tables and master.cf beside it are read, too."),
        "hmailserver": tr("hMailServerBackup.xml, from a backup with the settings."),
        "iis": tr("MetaBase.xml, from %windir%\\system32\\inetsrv."),
        "smartermail": tr("Answers of its web service as JSON: domains and users. Its gateways are in no published form."),
    }.get(str(kind), "")


class ForeignImport(Card):
    carried_out = Signal(int)
    """The revision that holds what was taken over."""

    def __init__(self, section: Section) -> None:
        super().__init__(tr("From another server"), tr("You see what was understood before anything is saved."))
        self._section = section
        self._files: Texts = []
        self._proposal: ImportProposal | None = None
        self._boxes: dict[str, QCheckBox] = {}
        self._asked = 0
        self.kind = ChoiceField(_kinds())
        self.row = FieldRow(tr("Server"), self.kind, _what_to_give("postfix"))
        self.kind.currentIndexChanged.connect(self._kind_changed)
        self.add_fields(self.row)
        foot = line()
        self.choose = QPushButton(icon("upload"), tr("Choose its files…"))
        self.choose.clicked.connect(lambda: section.spawn(self._choose(), "files of another server"))
        foot.addWidget(self.choose)
        foot.addStretch(1)
        self.body.addLayout(foot)
        self.said = Banner()
        self.said.hide()
        self.add(self.said)
        self.shown = QFrame()
        set_role(self.shown, Role.INSET)
        self._lines = rows(self.shown, gap=6)
        self._lines.setContentsMargins(px(14), px(12), px(14), px(12))
        self.shown.hide()
        self.add(self.shown)
        bar = line()
        bar.addStretch(1)
        self.cancel = QPushButton(tr("Discard"))
        self.cancel.clicked.connect(self.discard)
        self.apply = QPushButton(tr("Take over"))
        set_role(self.apply, Role.PRIMARY)
        self.apply.clicked.connect(lambda: section.spawn(self.carry_out(), "take over"))
        for button in (self.cancel, self.apply):
            button.hide()
            bar.addWidget(button)
        self.body.addLayout(bar)

    def _kind_changed(self) -> None:
        self.row.set_help(_what_to_give(self.kind.value()))
        self.discard()

    async def _choose(self) -> None:
        dialog = QFileDialog(self.window(), tr("Files of another server"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        found: list[str] = []
        dialog.filesSelected.connect(found.extend)
        await show_dialog(dialog)
        if found:
            await self.look_at([Path(name) for name in found])

    async def look_at(self, paths: Sequence[Path]) -> None:
        """Read the files and show what they mean. Nothing is saved."""
        self.discard()
        number = self._asked
        client, kind = self._section.context.session.client, str(self.kind.value())
        try:
            files, proposal, _ = await preview(client, kind, paths)
        except OSError as error:
            raise GatepostError(tr("The file cannot be read."), f"{error.filename}: {error.strerror or error}") from error
        if number != self._asked:
            return  # other files, or another server, were chosen meanwhile
        self._files, self._proposal = files, proposal
        self._tell(proposal)

    def _tell(self, proposal: ImportProposal) -> None:
        decide = [one for one in proposal.findings if one.kind == "decide"]
        left_out = [one for one in proposal.findings if one.kind == "left-out"]
        parts = []
        if decide:
            parts.append(ntr("{n} thing should be looked at.", "{n} things should be looked at.", len(decide)))
        if proposal.passwords:
            parts.append(ntr("{n} password goes to the vault.", "{n} passwords go to the vault.", len(proposal.passwords)))
        title = ntr("{n} setting was understood.", "{n} settings were understood.", len(proposal.parts))
        self.said.tell(Tone.WARNING if decide else Tone.ACCENT, title, " ".join(parts))
        self.said.show()
        for part in proposal.parts:
            self._lines.addWidget(self._part(part))
        self._findings(tr("Look at this"), decide)
        self._findings(tr("Not taken over"), left_out)
        self.shown.setVisible(bool(proposal.parts or proposal.findings))
        self.cancel.show()
        self.apply.setVisible(bool(proposal.parts))
        self._count()

    def _part(self, part: ImportPart) -> QWidget:
        holder = QWidget()
        outer = line(holder, gap=10)
        box = QCheckBox()
        box.setChecked(part.chosen)
        box.setAccessibleName(said(part.title))
        box.toggled.connect(lambda _: self._count())
        self._boxes[part.key] = box
        outer.addWidget(box)
        words = label(said(part.title), wrap=True, selectable=True)
        outer.addWidget(words, 1)
        return holder

    def _findings(self, heading: str, found: Sequence[ImportFinding]) -> None:
        if not found:
            return
        self._lines.addWidget(label(heading, Role.STRONG))
        for one in found[:SHOWN]:
            self._lines.addWidget(label(f"{_place(one)}: {said(one.text)}", Role.MUTED, wrap=True, selectable=True))
        if len(found) > SHOWN:
            self._lines.addWidget(label(ntr("{n} more", "{n} more", len(found) - SHOWN), Role.MUTED))

    def chosen(self) -> list[str]:
        return [key for key, box in self._boxes.items() if box.isChecked()]

    def _count(self) -> None:
        count = len(self.chosen())
        self.apply.setText(ntr("Take over {n} setting", "Take over {n} settings", count))
        self.apply.setEnabled(bool(count))

    async def carry_out(self) -> None:
        """Take over what is ticked, as one revision."""
        if self._proposal is None:
            return
        text = tr("Gateways, rows and listeners that stand for the same are replaced. Revisions bring the present state back.")
        if not await confirm(self, tr("Take this over?"), text, tr("Take over")):
            return
        client = self._section.context.session.client
        saved = await client.import_from(self._proposal.source, self._files, self.chosen())
        self.discard()
        missing = len(saved.missing_secrets)
        words = (
            ntr("{n} password is to be set afterwards.", "{n} passwords are to be set afterwards.", missing) if missing else ""
        )
        title = tr("It was taken over, as revision {number}.", number=saved.revision)
        self.said.tell(
            Tone.WARNING if missing else Tone.GOOD,
            title,
            "\n".join(filter(None, (words, *map(relay_texts.said, saved.warnings)))),
        )
        self.said.show()
        self.carried_out.emit(saved.revision)

    def discard(self) -> None:
        """Forget the files, too: they may hold passwords. What is being read will not be shown."""
        self._asked += 1
        self._files, self._proposal = [], None
        self._boxes.clear()
        while (item := self._lines.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for shown in (self.said, self.shown, self.cancel, self.apply):
            shown.hide()


def _place(finding: ImportFinding) -> str:
    name = finding.place.file.replace("\\", "/").rpartition("/")[2]
    return f"{name}:{finding.place.line}" if finding.place.line else name
