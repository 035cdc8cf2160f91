"""Where a message would go now, and why: the steps of the decision, then the next hops in order."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from ....model.report import Explanation
from ...cards import Scrolled, Sign, label, line
from ...i18n import tr
from ...relay_texts import said
from ...theme import Role, px

_SIGNS = {
    "chosen": ("good", "good"),
    "passed-over": ("skipped", "muted"),
    "refused": ("bad", "bad"),
    "waits": ("clock", "warning"),
    "fact": ("info", "muted"),
}


class RouteView(QScrollArea):
    recipient_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Route"))
        holder = Scrolled()
        outer = QVBoxLayout(holder)
        outer.setContentsMargins(0, px(12), px(12), px(12))
        outer.setSpacing(px(10))
        self._choice = QComboBox()
        self._choice.setAccessibleName(tr("Recipient"))
        self._choice.activated.connect(lambda _: self.recipient_wanted.emit(self.recipient))
        self._choice.hide()
        outer.addWidget(self._choice)
        self._steps = QWidget()
        self._column = QVBoxLayout(self._steps)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(8))
        outer.addWidget(self._steps)
        outer.addStretch(1)
        self.setWidget(holder)

    @property
    def recipient(self) -> str:
        return self._choice.currentText()

    def set_recipients(self, addresses: Sequence[str]) -> None:
        """The one that was chosen stays chosen where it is still there."""
        if [self._choice.itemText(n) for n in range(self._choice.count())] == list(addresses):
            return
        kept = self.recipient
        self._choice.clear()
        self._choice.addItems(list(addresses))
        self._choice.setCurrentIndex(max(0, self._choice.findText(kept)))
        self._choice.setVisible(len(addresses) > 1)

    def clear(self) -> None:
        while self._column.count():
            item = self._column.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def show_problem(self, text: str) -> None:
        self.clear()
        self._column.addWidget(label(text, Role.ERROR, wrap=True, selectable=True))

    def show_explanation(self, found: Explanation) -> None:
        self.clear()
        self._column.addWidget(label(said(found.outcome), Role.STRONG, wrap=True, selectable=True))
        for step in found.steps:
            sign, tone = _SIGNS.get(step.verdict, ("info", "muted"))
            self._add(sign, tone, said(step.text))
        for number, hop in enumerate(found.hops, start=1):
            self._add("send", "accent", f"{number}. {said(hop)}")

    def _add(self, sign: str, tone: str, text: str) -> None:
        holder = QWidget()
        layout = line(holder, gap=10)
        layout.addWidget(Sign(sign, tone, 18), 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(label(text, wrap=True, selectable=True), 1)
        self._column.addWidget(holder)
