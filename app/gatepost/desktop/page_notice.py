"""What failed on a page: a strip above it, with a way to try again."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from .i18n import tr
from .messages import Notice
from .strips import Strip


class PageNotice(Strip):
    """Keeps the newest failure of each page until it is cleared, and shows the one of the page that is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("bad", "notice", parent)
        self._kept: dict[str, Notice] = {}
        self._page = ""
        self._is_held_back = False
        self.retry_button = self.add_button(tr("Try again"), self._try_again, name="notice-retry")
        self.add_close(self._dismiss)
        self.hide()

    def raise_notice(self, notice: Notice) -> None:
        self._kept[notice.page] = notice
        self._draw()

    def clear(self, page: str) -> None:
        if self._kept.pop(page, None) is not None:
            self._draw()

    def show_page(self, key: str) -> None:
        """Another page is shown; empty while there is none. What failed while there was none is told on the first one."""
        self._page = key
        if key and (early := self._kept.pop("", None)) is not None:
            self._kept.setdefault(key, early)
        self._draw()

    def hold_back(self, is_held_back: bool) -> None:
        """The relay's own trouble comes first: what failed meanwhile is told when it is over."""
        self._is_held_back = is_held_back
        self._draw()

    def _draw(self) -> None:
        notice = self._kept.get(self._page)
        if notice is not None:
            self.say(notice.title, " ".join(part for part in (notice.detail, notice.hint) if part))
            self.retry_button.setVisible(notice.retry is not None)
        self.setVisible(notice is not None and not self._is_held_back)

    def _try_again(self) -> None:
        notice = self._kept.get(self._page)
        self._dismiss()
        if notice is not None and notice.retry is not None:
            notice.retry()

    def _dismiss(self) -> None:
        self.clear(self._page)
