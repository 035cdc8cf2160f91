"""A message from a stranger, shown so that it can do nothing: nothing from outside, no script, no link without a question."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QImage, QResizeEvent
from PySide6.QtWidgets import QFrame, QTextBrowser, QWidget

from ...cards import Facts, FilterChips, confirm, label, line, rows
from ...i18n import tr
from ...theme import Role, px
from ...words import size_text
from .mail_parts import LINKS, Preview

MAX_SIDE = 4000
"""Pixels of a picture's longest side."""


class Browser(QTextBrowser):
    """Loads only what the message itself holds (``cid:``)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures: dict[str, bytes] = {}
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(tr("Message"))

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Never a file, never the network: what is not in the message is not there."""
        url = QUrl(name)
        data = self.pictures.get(url.path()) if url.scheme() == "cid" else None
        if data is None:
            return QImage()
        picture = QImage.fromData(data)
        if picture.isNull() or max(picture.width(), picture.height()) > MAX_SIDE:
            return QImage()
        widest = max(1, self.viewport().width() - px(16))
        return picture.scaledToWidth(widest) if picture.width() > widest else picture


class PreviewView(QWidget):
    def __init__(self, spawn: Callable[[Coroutine[Any, Any, Any], str], object]) -> None:
        super().__init__()
        self._spawn = spawn
        self._preview = Preview()
        outer = rows(self, gap=8)
        outer.setContentsMargins(px(12), px(12), px(12), px(4))
        self._facts = Facts()
        outer.addWidget(self._facts)
        bar = line(gap=8)
        self._kinds = FilterChips(tr("Shown as"), [("text", tr("Text")), ("html", tr("Formatted"))])
        self._kinds.chosen.connect(lambda _: self._show())
        bar.addWidget(self._kinds)
        bar.addStretch(1)
        outer.addLayout(bar)
        self.browser = Browser()
        self.browser.anchorClicked.connect(lambda url: self._spawn(self._follow(url), "follow a link"))
        self.browser.highlighted.connect(self._tell_target)
        outer.addWidget(self.browser, 1)
        self._target = label("", Role.MUTED, wrap=True)
        self._target.hide()
        outer.addWidget(self._target)
        self._attachments = label("", Role.MUTED, wrap=True, selectable=True)
        outer.addWidget(self._attachments)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low pane the message itself has the room: who it is from stands above it anyway."""
        super().resizeEvent(event)
        self._facts.setVisible(event.size().height() >= self.fontMetrics().height() * 14)

    def show_preview(self, preview: Preview) -> None:
        self._preview = preview
        self.browser.pictures = preview.pictures
        self._facts.set(preview.headers)
        both = bool(preview.text and preview.html)
        self._kinds.setVisible(both)
        self._kinds.choose("text" if preview.text else "html")
        named = [
            tr("{name} ({kind}, {size})", name=found.name or tr("without a name"), kind=found.kind, size=size_text(found.size))
            for found in preview.attachments
        ]
        self._attachments.setText(tr("Attachments: {names}", names=", ".join(named)) if named else "")
        self._attachments.setVisible(bool(named))
        self._show()

    def _show(self) -> None:
        preview = self._preview
        if preview.problem:
            self.browser.setPlainText(tr("This message cannot be taken apart. Its raw text is beside, under Raw."))
        elif preview.html and (self._kinds.current == "html" or not preview.text):
            self.browser.setHtml(preview.html)
        else:
            self.browser.setPlainText(preview.text or tr("There is no text in this message."))

    def _tell_target(self, url: QUrl) -> None:
        text = url.toString(QUrl.ComponentFormattingOption.FullyEncoded)
        self._target.setText(tr("Leads to {url}", url=text) if text else "")
        self._target.setVisible(bool(text))

    async def _follow(self, url: QUrl) -> None:
        """Only after the person has seen where it really leads."""
        if url.scheme().lower() not in LINKS:
            return
        target = url.toString(QUrl.ComponentFormattingOption.FullyEncoded)
        host = url.host(QUrl.ComponentFormattingOption.FullyEncoded) or target
        text = tr("It leads to {host}:\n\n{url}\n\nThe message is in quarantine; its links may do harm.", host=host, url=target)
        if await confirm(self, tr("Open this link?"), text, tr("Open {host}", host=host), is_dangerous=True):
            QDesktopServices.openUrl(url)
