"""A list in its frame: the table, or words where there is nothing to show, and below it a bar that counts and acts."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QProgressBar, QPushButton, QStackedLayout, QWidget

from ...cards import ElidedLabel, EmptyState, FootLine, Framed, line
from ...i18n import tr
from ...models.table import ListTable
from ...theme import Role, px, set_role

SAID_MS = 8000
"""What was done stays readable this long."""
SHOWN_AFTER_MS = 300
"""Work that is over sooner is not shown."""


class ListCard(Framed):
    def __init__(self, table: ListTable, empty: EmptyState, parent: QWidget | None = None) -> None:
        holder = QWidget()
        self.foot = Foot()
        super().__init__(holder, self.foot, parent)
        self.table = table
        self.empty: QWidget = empty
        set_role(table, Role.EMBEDDED)
        self._stack = QStackedLayout(holder)
        self._stack.addWidget(table)
        self._stack.addWidget(empty)

    def replace_empty(self, empty: QWidget) -> None:
        """Other words than a title and a text where there is nothing to show."""
        self._stack.removeWidget(self.empty)
        self.empty.deleteLater()
        self.empty = empty
        self._stack.addWidget(empty)

    def show_empty(self, is_empty: bool) -> None:
        self._stack.setCurrentWidget(self.empty if is_empty else self.table)


class Foot(FootLine):
    """How many there are and are chosen; what is being done; the actions on what is chosen."""

    def __init__(self) -> None:
        super().__init__()
        self._count = ElidedLabel()
        set_role(self._count, Role.MUTED)
        self._count.setMinimumWidth(px(110))
        first = QWidget()
        self._first = line(first)
        self._first.addWidget(self._count, 1)
        self.add(first)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setMaximumWidth(px(120))
        self._progress.hide()
        self.add(self._progress)
        self._stop = QPushButton(tr("Stop"))
        self._stop.hide()
        self.add(self._stop)
        self._text = ""
        self._said = QTimer(self)
        self._said.setSingleShot(True)
        self._said.setInterval(SAID_MS)
        self._said.timeout.connect(lambda: self._count.setText(self._text))
        self._stopping: Callable[[], object] | None = None
        self._working = ""
        self._stop.clicked.connect(self._stop_it)
        self._busy = QTimer(self)
        self._busy.setSingleShot(True)
        self._busy.setInterval(SHOWN_AFTER_MS)
        self._busy.timeout.connect(self._show_work)

    def add_to_count(self, widget: QWidget) -> None:
        """What belongs to the count stays beside it when the actions fold below it."""
        self._first.addWidget(widget)

    def set_count(self, text: str) -> None:
        self._text = text
        if not self._said.isActive():
            self._count.setText(text)

    def say(self, text: str) -> None:
        """What was done, for a while in place of the count."""
        self._count.setText(text)
        self._said.start()

    def begin(self, text: str, stop: Callable[[], object] | None = None) -> Callable[[int, int], None]:
        """Long work: shown when it takes over 300 ms. Returns what takes its progress; ``end`` ends it."""
        self._progress.setRange(0, 0)
        self._progress.setAccessibleName(text)
        self._stopping, self._working = stop, text
        self._busy.start()

        def progress(done: int, total: int) -> None:
            self._progress.setRange(0, total)
            self._progress.setValue(done)

        return progress

    def _show_work(self) -> None:
        self._said.stop()
        self._count.setText(self._working)
        self._progress.show()
        self._stop.setVisible(self._stopping is not None)

    def _stop_it(self) -> None:
        if self._stopping is not None:
            self._stopping()

    def end(self) -> None:
        self._busy.stop()
        self._progress.hide()
        self._stop.hide()
        if not self._said.isActive():
            self._count.setText(self._text)
