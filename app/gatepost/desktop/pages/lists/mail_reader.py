"""A message from a stranger, shown so that it can do nothing: nothing from outside, no script, no link without a question."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QFrame, QTextBrowser, QWidget

from ....model.mail import LINKS
from ...cards import confirm, label, rows
from ...i18n import tr
from ...theme import Role, px

MAX_SIDE = 4000
"""Pixels of a picture's longest side."""

Spawn = Callable[[Coroutine[Any, Any, Any], str], object]


class MailBrowser(QTextBrowser):
    """Loads only what the message itself holds (``cid:``)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures: Mapping[str, bytes] = {}
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


class MailReader(QWidget):
    """The browser, and below it where the link under the pointer leads. A link is opened only after a question that shows its
    target; ``warning`` ends that question."""

    def __init__(self, spawn: Spawn, warning: str) -> None:
        super().__init__()
        self._spawn = spawn
        self._warning = warning
        outer = rows(self, gap=8)
        self.browser = MailBrowser()
        self.browser.anchorClicked.connect(lambda url: self._spawn(self._follow(url), "follow a link"))
        self.browser.highlighted.connect(self._tell_target)
        outer.addWidget(self.browser, 1)
        self._target = label("", Role.MUTED, wrap=True)
        self._target.hide()
        outer.addWidget(self._target)

    def show_html(self, clean_html: str, pictures: Mapping[str, bytes]) -> None:
        """``clean_html``: by ``model.mail.cleaned``. ``pictures`` by Content-ID."""
        self.browser.pictures = pictures
        self.browser.setHtml(clean_html)

    def show_text(self, text: str) -> None:
        self.browser.setPlainText(text)

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
        text = "\n\n".join((tr("It leads to {host}:", host=host), target, self._warning))
        if await confirm(self, tr("Open this link?"), text, tr("Open {host}", host=host), is_dangerous=True):
            QDesktopServices.openUrl(url)
