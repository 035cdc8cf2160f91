"""What the window says above a page: a failed operation, the lost relay, a bug. One line that grows, with what can be done."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from .i18n import tr
from .theme import icon, monospace, px

_MARKS = {"info": ("info", "accent"), "warning": ("warning", "warning"), "bad": ("bad", "bad")}


class Strip(QFrame):
    """``tone``: ``info``, ``warning`` or ``bad``. Texts are never markup."""

    def __init__(self, tone: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("role", "strip")
        self.setProperty("tone", tone)
        self.setAccessibleName(name)
        self._mark = QLabel(self)
        self._title = self._label("strong")
        self._detail = self._label("")
        self._lines = QPlainTextEdit(self)
        self._lines.setReadOnly(True)
        self._lines.setFont(monospace())
        self._lines.setAccessibleName(tr("Last lines of the relay's log"))
        self._lines.setVisible(False)
        self._lines.setMaximumHeight(px(190))
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(px(8))
        words = QVBoxLayout()
        words.setSpacing(px(2))
        words.addWidget(self._title)
        words.addWidget(self._detail)
        top = QHBoxLayout()
        top.setSpacing(px(10))
        top.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        top.addLayout(self._buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(px(14), px(10), px(10), px(10))
        layout.addLayout(top)
        layout.addWidget(self._lines)
        self._tone = tone
        self.recolour()

    def _label(self, role: str) -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setProperty("role", role)
        return label

    def say(self, title: str, detail: str = "", lines: tuple[str, ...] = ()) -> None:
        self._title.setText(title)
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))
        text = "\n".join(lines)
        if text != self._lines.toPlainText():
            self._lines.setPlainText(text)
        self.setAccessibleDescription(f"{title} {detail}".strip())

    @property
    def text(self) -> str:
        return f"{self._title.text()} {self._detail.text()}".strip()

    def add_button(self, label: str, action: Callable[[], object], *, name: str) -> QPushButton:
        button = QPushButton(label, self)
        button.setObjectName(name)
        button.clicked.connect(lambda: action())
        self._buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return button

    def add_close(self, action: Callable[[], object]) -> None:
        button = QToolButton(self)
        button.setIcon(icon("close"))
        button.setToolTip(tr("Dismiss"))
        button.setAccessibleName(tr("Dismiss"))
        button.setProperty("role", "quiet")
        button.clicked.connect(lambda: action())
        self._buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def show_lines(self, visible: bool) -> None:
        self._lines.setVisible(visible)

    def set_tone(self, tone: str) -> None:
        if tone != self._tone:
            self._tone = tone
            self.setProperty("tone", tone)
            self.style().unpolish(self)
            self.style().polish(self)
            self.recolour()

    def recolour(self) -> None:
        name, colour = _MARKS[self._tone]
        side = px(18)
        self._mark.setPixmap(icon(name, colour).pixmap(QSize(side, side), self.devicePixelRatioF()))
