"""Help beside the page that is shown: short texts of our own, in the language of the app."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QTextBrowser, QWidget

from . import resources
from .i18n import language, tr
from .theme import Role, px, set_role, theme, tokens

WIDTH = 330


def help_text(key: str) -> str:
    """Markdown for a page, in the chosen language, else in English; empty where there is none."""
    for code in (language(), "en"):
        path = resources.path("help", code, f"{key}.md")
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return ""


class HelpPanel(QFrame):
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from .cards import label, line, rows, tool_button

        self.setObjectName("help-panel")
        set_role(self, Role.SIDEBAR)
        theme().style(self)
        self._key = ""
        outer = rows(self, gap=10)
        outer.setContentsMargins(px(18), px(18), px(12), px(12))
        head = line()
        self.title = label(tr("Help"), Role.HEADING, wrap=True)
        head.addWidget(self.title, 1)
        head.addWidget(tool_button("close", tr("Close the help"), self.closed.emit))
        outer.addLayout(head)
        self.text = QTextBrowser()
        self.text.setObjectName("help-text")
        self.text.setAccessibleName(tr("Help"))
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setOpenLinks(False)
        self.text.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer.addWidget(self.text, 1)
        self.setFixedWidth(px(WIDTH))
        theme().changed.connect(self._show)

    def show_page(self, key: str) -> None:
        """The help of a page."""
        if key != self._key:
            self._key = key
            self._show()

    def _show(self) -> None:
        colours = tokens()
        self.text.setStyleSheet(f"#help-text {{ background: transparent; border: none; color: {colours.text}; padding: 0; }}")
        title, _, text = help_text(self._key).partition("\n")
        self.title.setText(title.removeprefix("#").strip() or tr("Help"))
        self.text.document().setDocumentMargin(0)
        self.text.document().setIndentWidth(px(14))
        self.text.setMarkdown(text or tr("There is no help for this page."))
        self.text.verticalScrollBar().setValue(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
