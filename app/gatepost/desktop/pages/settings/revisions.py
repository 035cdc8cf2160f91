"""Settings → Revisions: who changed what and when, and back to any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from ...cards import Badge, Card, ElidedLabel, LeadLayout, Tone, confirm, divider, line, rows
from ...i18n import ntr, tr
from ...relay_texts import said
from ...theme import Role, icon, set_role
from ...words import moment_text
from .differences import DifferenceList, moves_words
from .section import Section

if TYPE_CHECKING:
    from ....model.report import Revision
    from ..page import Page

AT_ONCE = 30


class RevisionsSection(Section):
    def __init__(self, page: Page) -> None:
        super().__init__(page, tr("Revisions"), tr("Each change of the configuration is kept. Passwords are no part of it."))
        self.card = Card()
        self._rows = rows(gap=8)
        self.card.body.addLayout(self._rows)
        self.more = QPushButton(tr("Show older ones"))
        self.more.clicked.connect(lambda: self.spawn(self._load_more(), "older revisions"))
        foot = line()
        foot.addWidget(self.more)
        foot.addStretch(1)
        self.card.body.addLayout(foot)
        self.body.add(self.card)
        self._known: list[Revision] = []

    async def load(self) -> None:
        wanted = max(AT_ONCE, len(self._known))
        found = await self.context.session.client.revisions(wanted)
        if list(found) != self._known:
            self._known = list(found)
            self._clear()
            self._show(self._known, is_newest_first=True)
        self.more.setVisible(len(found) == wanted)

    async def _load_more(self) -> None:
        self.more.setEnabled(False)
        oldest = self._known[-1].number
        try:
            found = await self.context.session.client.revisions(AT_ONCE, before=oldest)
        finally:
            self.more.setEnabled(True)
        if self._known[-1].number != oldest:
            return  # a new revision has come meanwhile: these do not join on to what is shown now
        self._known.extend(found)
        self._show(found, is_newest_first=False)
        self.more.setVisible(len(found) == AT_ONCE)

    def _clear(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _show(self, found: Sequence[Revision], *, is_newest_first: bool) -> None:
        for number, revision in enumerate(found):
            if number or not is_newest_first:
                self._rows.addWidget(divider())
            self._rows.addWidget(RevisionRow(self, revision, is_current=is_newest_first and number == 0))

    async def restore(self, number: int) -> None:
        """Say first what it changes now."""
        client = self.context.session.client
        ahead = await client.restore(number, dry_run=True)
        if not ahead.differences:
            await confirm(self, tr("Nothing would change"), tr("Revision {n} is what is in force.", n=number), tr("OK"))
            return
        parts = [
            ntr("It changes {n} setting.", "It changes {n} settings.", len(ahead.differences)),
            *moves_words(ahead.moves),
            *map(said, ahead.warnings),
        ]
        title = tr("Restore revision {n}?", n=number)
        if await confirm(self, title, "\n".join(parts), tr("Restore")):
            await client.restore(number)
            await self.load()


class RevisionRow(QWidget):
    """One revision; its differences are read when they are asked for."""

    def __init__(self, section: RevisionsSection, revision: Revision, *, is_current: bool) -> None:
        super().__init__()
        self._section = section
        self._revision = revision
        outer = rows(self, gap=8)
        head = QWidget()
        layout = LeadLayout(head)
        words = QWidget()
        column = rows(words, gap=1)
        column.addWidget(ElidedLabel(f"{revision.number} · {moment_text(revision.at, seconds=True)}"))
        text = ElidedLabel(" · ".join(part for part in (said(revision.author), said(revision.note)) if part))
        set_role(text, Role.MUTED)
        column.addWidget(text)
        layout.addWidget(words)
        right = QWidget()
        beside = line(right)
        self.toggle = QPushButton(icon("chevron-right", "accent"), tr("Changes"))
        self.toggle.setCheckable(True)
        self.toggle.setEnabled(revision.number > 1)
        self.toggle.setAccessibleName(tr("Changes of revision {n}", n=revision.number))
        set_role(self.toggle, Role.QUIET)
        self.toggle.toggled.connect(self._toggled)
        beside.addWidget(self.toggle)
        button = QPushButton(tr("Restore"))
        button.setAccessibleName(tr("Restore revision {n}", n=revision.number))
        button.clicked.connect(lambda: section.spawn(section.restore(revision.number), "restore"))
        beside.addWidget(button)
        if is_current:  # all lines have the same columns
            kept = button.sizePolicy()
            kept.setRetainSizeWhenHidden(True)
            button.setSizePolicy(kept)
            button.hide()
            beside.insertWidget(0, Badge(tr("In force"), Tone.GOOD), 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(right)
        outer.addWidget(head)
        self._differences: DifferenceList | None = None
        self._outer = outer

    def _toggled(self, wanted: bool) -> None:
        self.toggle.setIcon(icon("chevron-down" if wanted else "chevron-right", "accent"))
        if self._differences is not None:
            self._differences.setVisible(wanted)
        elif wanted:
            self._section.spawn(self._read(), "differences")

    async def _read(self) -> None:
        client = self._section.context.session.client
        number = self._revision.number
        found = await client.difference(number - 1, number)
        names = (await client.configuration()).value
        if self._differences is None:
            self._differences = DifferenceList()
            self._outer.addWidget(self._differences)
        self._differences.tell(found, names)
        self._differences.setVisible(self.toggle.isChecked())
