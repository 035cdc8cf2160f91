"""Settings → Import and export: the configuration as a JSON document, without secrets; what an import changes comes first."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog, QPushButton

from ....model.errors import GatepostError, InvalidInput
from ...cards import Banner, Card, Tone, confirm, line
from ...dialogs import show_dialog
from ...forms.wording import words
from ...i18n import ntr, tr
from ...relay_texts import said
from ...theme import Role, icon, set_role
from .differences import DifferenceList, moves_words
from .foreign_import import ForeignImport
from .section import Section

if TYPE_CHECKING:
    from ....control.schema import SavedDifferences
    from ..page import Page

LARGEST = 50_000_000
"""Octets of a file that is read at all."""


class TransferSection(Section):
    def __init__(self, page: Page) -> None:
        subtitle = tr("The whole configuration as a JSON file. Passwords and keys are never in it.")
        super().__init__(page, tr("Import and export"), subtitle)
        self._document: dict[str, Any] | None = None
        self._revision = 0
        self._build_export()
        self._build_import()
        self.foreign = ForeignImport(self)
        self.body.add(self.foreign)

    def _build_export(self) -> None:
        card = Card(tr("Export"), tr("To keep a copy, or to set up another relay."))
        foot = line()
        self.export = QPushButton(icon("download"), tr("Export…"))
        self.export.clicked.connect(lambda: self.spawn(self._choose_export(), "export"))
        foot.addWidget(self.export)
        foot.addStretch(1)
        card.body.addLayout(foot)
        self.exported = Banner(Tone.GOOD, can_close=True)
        self.exported.dismissed.connect(self.exported.hide)
        self.exported.hide()
        card.add(self.exported)
        self.body.add(card)

    def _build_import(self) -> None:
        card = Card(tr("Import"), tr("You see what would change before anything does."))
        foot = line()
        self.choose = QPushButton(icon("upload"), tr("Choose a file…"))
        self.choose.clicked.connect(lambda: self.spawn(self._choose_import(), "import"))
        foot.addWidget(self.choose)
        foot.addStretch(1)
        card.body.addLayout(foot)
        self.said = Banner()
        self.said.hide()
        card.add(self.said)
        self.differences = DifferenceList()
        self.differences.hide()
        card.add(self.differences)
        bar = line()
        bar.addStretch(1)
        self.cancel = QPushButton(tr("Discard"))
        self.cancel.clicked.connect(self.discard)
        self.apply = QPushButton(tr("Import"))
        set_role(self.apply, Role.PRIMARY)
        self.apply.clicked.connect(lambda: self.spawn(self.carry_out(), "import"))
        for button in (self.cancel, self.apply):
            button.hide()
            bar.addWidget(button)
        card.body.addLayout(bar)
        self.body.add(card)

    # --- export ---

    async def _choose_export(self) -> None:
        dialog = QFileDialog(self.window(), tr("Export the configuration"), "gatepost-configuration.json")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        chosen = await _chosen(dialog)
        if chosen is not None:
            await self.write(chosen)

    async def write(self, path: Path) -> None:
        document = await self.context.session.client.export()
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        try:
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        except OSError as error:
            raise GatepostError(tr("The file cannot be written."), f"{path}: {error.strerror or error}") from error
        self.exported.tell(Tone.GOOD, tr("The configuration was exported."), str(path))
        self.exported.show()

    # --- import ---

    async def _choose_import(self) -> None:
        dialog = QFileDialog(self.window(), tr("Import a configuration"))
        dialog.setNameFilters([tr("Configurations (*.json)"), tr("All files (*)")])
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        chosen = await _chosen(dialog)
        if chosen is not None:
            await self.look_at(chosen)

    async def look_at(self, path: Path) -> None:
        """Read a file and show what importing it would change."""
        self.discard()
        document = await asyncio.to_thread(_read, path)
        client = self.context.session.client
        current = await client.configuration()
        try:
            found = await client.import_document(document, dry_run=True)
        except InvalidInput as error:
            lines = [f"{issue.field}: {words(issue)}" if issue.field else words(issue) for issue in error.issues]
            self.said.tell(Tone.BAD, tr("This file cannot be imported."), "\n".join(lines[:12]))
            self.said.show()
            return
        self._show(found, current.value, path)
        if found.differences:
            self._document, self._revision = document, current.revision
        for button in (self.cancel, self.apply):
            button.setVisible(bool(found.differences))

    def _show(self, found: SavedDifferences, current: dict[str, Any], path: Path) -> None:
        count = len(found.differences)
        parts = [*map(said, found.warnings), *moves_words(found.moves)]
        if found.missing_secrets:
            missing = len(found.missing_secrets)
            parts.append(ntr("{n} password is to be set afterwards.", "{n} passwords are to be set afterwards.", missing))
        title = ntr("{file} changes {n} setting", "{file} changes {n} settings", count, file=path.name)
        if not count:
            title = tr("{file} changes nothing: the configuration is the same.", file=path.name)
        self.said.tell(Tone.WARNING if parts else Tone.ACCENT, title, "\n".join(parts))
        self.said.show()
        self.differences.tell(found.differences, current)
        self.differences.setVisible(bool(count))

    async def carry_out(self) -> None:
        """Import what was shown, if nobody changed the configuration meanwhile."""
        if self._document is None:
            return
        text = tr("The configuration in force stays in the revisions and can be restored.")
        if not await confirm(self, tr("Import this configuration?"), text, tr("Import")):
            return
        await self.context.session.client.import_document(self._document, revision=self._revision)
        self.discard()
        self.said.tell(Tone.GOOD, tr("The configuration was imported."))
        self.said.show()

    def discard(self) -> None:
        self._document = None
        for widget in (self.said, self.differences, self.cancel, self.apply):
            widget.hide()


async def _chosen(dialog: QFileDialog) -> Path | None:
    found: list[str] = []
    dialog.fileSelected.connect(found.append)
    await show_dialog(dialog)
    return Path(found[0]) if found else None


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise GatepostError(tr("This file is too large to be a configuration."), str(path))
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GatepostError(tr("The file cannot be read."), f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise GatepostError(tr("This file is not JSON."), f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise GatepostError(tr("This file is not an exported configuration."), str(path))
    return found
