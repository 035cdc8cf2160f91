"""What the window says above a page: a failed operation, the lost relay, a bug. One line that grows, with what can be done."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .i18n import tr
from .theme import icon, monospace, px, theme

SHOWN_LINES = 5
WORDS = 400
"""Words keep at least this width (at 100 %) beside buttons."""
_MARKS = {"info": ("info", "accent"), "warning": ("warning", "warning"), "bad": ("bad", "bad")}


class Strip(QFrame):
    """``tone``: ``info``, ``warning`` or ``bad``. Texts are never markup."""

    def __init__(self, tone: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("role", "strip")
        self.setProperty("tone", tone)
        self._mark = QLabel(self)
        self._title = self._label("strong")
        self._detail = self._label("")
        self._text = ""
        self._lines: QPlainTextEdit | None = None
        said = QVBoxLayout()
        said.setSpacing(px(2))
        said.addWidget(self._title)
        said.addWidget(self._detail)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(px(8))
        self._buttons.addStretch(1)
        words = self._words = QHBoxLayout()
        words.setSpacing(px(16))
        words.addLayout(said, 1)
        words.addLayout(self._buttons)
        self._close = QHBoxLayout()
        top = QHBoxLayout()
        top.setSpacing(px(10))
        top.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        top.addLayout(self._close)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(px(28), px(10), px(28), px(10))
        self._rows.addLayout(top)
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
        self._text = "\n".join(lines)
        if self._lines is not None and self._text != self._lines.toPlainText():
            self._lines.setPlainText(self._text)
        self.setAccessibleName(title)
        self.setAccessibleDescription(detail)

    @property
    def text(self) -> str:
        return f"{self._title.text()} {self._detail.text()}".strip()

    def add_button(self, label: str, action: Callable[[], object], *, name: str) -> QPushButton:
        button = QPushButton(label, self)
        button.setObjectName(name)
        button.clicked.connect(lambda: action())
        self._buttons.insertWidget(self._buttons.count() - 1, button, 0, Qt.AlignmentFlag.AlignVCenter)
        return button

    def fold(self, width: int) -> None:
        """Buttons stand at the right of the words where these keep room to be read, else below them, and there below each
        other where one line is not enough."""
        buttons = [item.widget() for i in range(self._buttons.count()) if (item := self._buttons.itemAt(i)) is not None]
        needed = sum(button.sizeHint().width() + px(8) for button in buttons if button is not None and not button.isHidden())
        beside, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        is_beside = needed + px(80) + px(WORDS) <= width
        self._words.setDirection(beside if is_beside else down)
        self._words.setSpacing(px(16) if is_beside else px(8) if needed else 0)
        self._buttons.setDirection(beside if needed + px(80) <= width else down)

    def add_close(self, action: Callable[[], object]) -> None:
        button = QToolButton(self)
        button.setIcon(icon("close"))
        button.setToolTip(tr("Dismiss"))
        button.setAccessibleName(tr("Dismiss"))
        button.setProperty("role", "quiet")
        button.clicked.connect(lambda: action())
        self._close.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def show_lines(self, visible: bool) -> None:
        if visible and self._lines is None:
            self._lines = self._make_lines()
            self._rows.addWidget(self._lines)
        if self._lines is not None:
            self._lines.setVisible(visible)

    def _make_lines(self) -> QPlainTextEdit:
        made = QPlainTextEdit(self._text, self)
        made.setReadOnly(True)
        made.setFont(monospace())
        made.setAccessibleName(tr("Last lines of the relay's log"))
        made.setFixedHeight(made.fontMetrics().lineSpacing() * SHOWN_LINES + px(16))
        return made

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


_ARRANGED = (QEvent.Type.LayoutRequest,)
_SHOWN_OR_HIDDEN = (QEvent.Type.ShowToParent, QEvent.Type.HideToParent)


class StripArea(QScrollArea):
    """Strips below each other, as high as they need to be but never more than half of the window: then they scroll. Hidden
    while no strip is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._holder = QWidget()
        self._strips = QVBoxLayout(self._holder)
        self._strips.setContentsMargins(0, 0, 0, 0)
        self._strips.setSpacing(0)
        self.setWidget(self._holder)
        self._holder.installEventFilter(self)
        theme().style(self)
        self._fit()

    def add(self, strip: QWidget) -> None:
        self._strips.addWidget(strip)
        strip.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (_ARRANGED if watched is self._holder else _SHOWN_OR_HIDDEN):
            self._fit()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        found = [item.widget() for i in range(self._strips.count()) if (item := self._strips.itemAt(i)) is not None]
        shown = [strip for strip in found if isinstance(strip, Strip) and not strip.isHidden()]
        for strip in shown:
            strip.fold(self.width())
        layout = self._strips
        wanted = layout.heightForWidth(self.width()) if layout.hasHeightForWidth() else layout.sizeHint().height()
        height = max(0, min(wanted, self.window().height() // 2))
        if height != self.height() or self.maximumHeight() != height:
            self.setFixedHeight(height)
        if self.isHidden() == bool(shown):
            self.setVisible(bool(shown))
