"""What a page says across its width: a banner at its top, the save bar at its foot."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QProgressBar, QPushButton, QSizePolicy, QToolButton, QWidget

from ..i18n import tr
from ..theme import Role, icon, px, set_role, tokens
from .badge import Tone
from .layout import Flow, LeadLayout, line, rows
from .text import Sign, label

_SIGNS = {Tone.GOOD: "good", Tone.WARNING: "warning", Tone.BAD: "bad", Tone.NEUTRAL: "info", Tone.ACCENT: "info"}


class Banner(QFrame):
    """A sign, words and what can be done. Also inside a card, for a warning that stays."""

    dismissed = Signal()

    def __init__(
        self,
        tone: Tone = Tone.NEUTRAL,
        title: str = "",
        detail: str = "",
        *,
        can_close: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tone = tone
        outer = line(self, gap=10)
        outer.setContentsMargins(px(14), px(11), px(14), px(11))
        self._sign = Sign(_SIGNS[tone], tone.value, 20)
        outer.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        holder = QWidget()
        beside = LeadLayout(holder)
        said = QWidget()
        words = rows(said, gap=3)
        words.setContentsMargins(0, max(0, (px(20) - self.fontMetrics().height()) // 2), 0, 0)  # the first line: as the sign
        self._title = label("", Role.STRONG, wrap=True)
        self._detail = label("", wrap=True, selectable=True)
        words.addWidget(self._title)
        words.addWidget(self._detail)
        self._actions = QWidget()
        self._flow = Flow(self._actions)
        self._actions.hide()
        beside.addWidget(said)
        beside.addWidget(self._actions)
        outer.addWidget(holder, 1)
        if can_close:
            close = QToolButton()
            close.setIcon(icon("close"))
            close.setAccessibleName(tr("Close this message"))
            close.setToolTip(tr("Close"))
            set_role(close, Role.QUIET)
            close.clicked.connect(self.dismissed)
            outer.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.tell(tone, title, detail)

    def tell(self, tone: Tone, title: str, detail: str = "") -> None:
        self._tone = tone
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))
        self.setAccessibleName(title or detail)
        self.setAccessibleDescription(detail if title else "")
        self._sign.set(_SIGNS[tone], tone.value)
        self.update()

    def add_action(self, text: str, act: Callable[[], object], role: Role | None = None) -> QPushButton:
        button = QPushButton(text)
        set_role(button, role)
        button.clicked.connect(lambda: act())
        self.add_widget(button)
        return button

    def add_widget(self, widget: QWidget) -> None:
        self._flow.addWidget(widget)
        self._actions.show()

    def clear_actions(self) -> None:
        while (item := self._flow.takeAt(0)) is not None:
            found = item.widget()
            if found is not None:
                found.hide()
                found.deleteLater()
        self._actions.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        stroke, ground = self._tone.colours(tokens())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = QColor(stroke)
        edge.setAlphaF(0.35)
        painter.setPen(QPen(edge, 1))
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), px(8), px(8))


class SaveBar(QFrame):
    """Shown only while there is something to save. ``Ctrl+S`` saves, as the page wires it."""

    save_requested = Signal()
    revert_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, Role.BAR)
        outer = line(self, gap=0)
        outer.setContentsMargins(px(28), px(12), px(28), px(12))
        holder = QWidget()
        outer.addWidget(holder)
        layout = LeadLayout(holder)
        said = QWidget()
        words = line(said)
        self._sign = Sign("warning", "bad")
        words.addWidget(self._sign)
        self._words = label("", wrap=True)
        words.addWidget(self._words, 1)
        layout.addWidget(said)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setFixedWidth(px(120))
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Saving"))
        self.progress.hide()
        layout.addWidget(self.progress)
        buttons = QWidget()
        self._buttons = line(buttons, gap=10)
        self.revert = QPushButton(tr("Revert"))
        self.revert.clicked.connect(self.revert_requested)
        self.save = QPushButton(tr("Save"))
        set_role(self.save, Role.PRIMARY)
        self.save.clicked.connect(self.save_requested)
        self._buttons.addWidget(self.revert)
        self._buttons.addWidget(self.save)
        layout.addWidget(buttons)
        self.hide()

    def add_button(self, button: QPushButton) -> None:
        """Between Revert and Save."""
        self._buttons.insertWidget(self._buttons.count() - 1, button)

    def set_text(self, text: str, *, is_wrong: bool = False) -> None:
        self._words.setText(text)
        set_role(self._words, Role.ERROR if is_wrong else Role.MUTED)
        self._sign.setVisible(is_wrong)

    def set_busy(self, is_busy: bool, text: str = "") -> None:
        self.progress.setVisible(is_busy)
        self.save.setEnabled(not is_busy)
        self.revert.setEnabled(not is_busy)
        if is_busy:
            self.set_text(text)
