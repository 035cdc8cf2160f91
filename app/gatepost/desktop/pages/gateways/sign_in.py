"""A person's sign-in by OAuth 2.0: opens the system's browser, and waits on this computer for its way back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from ....control.client import Client
from ....control.loopback import LoopbackListener, PageWords
from ....model.errors import GatepostError
from ....model.oauth import OAuthProvider
from ....model.report import OAuthReport
from ....model.secret import Secret
from ...cards import Banner, Tone, assign_mnemonics, label
from ...i18n import language, tr
from ...relay_texts import said, told
from ...theme import Role
from .work_dialog import WorkDialog

OpenUrl = Callable[[str], bool]


def open_in_browser(url: str) -> bool:
    return QDesktopServices.openUrl(QUrl(url))


def page_words() -> PageWords:
    """What the browser shows on its way back, in the language of the app."""
    return PageWords(
        language(),
        tr("You are signed in. You can close this window and go back to Gatepost."),
        tr("The sign-in did not succeed. Go back to Gatepost, which says why."),
        tr("This address is only for the way back from a sign-in."),
        tr("This is not the sign-in that Gatepost waits for. Begin again there."),
    )


class SignInDialog(WorkDialog):
    """``report`` is what came of it; None when it was cancelled. Closing the dialog ends the waiting."""

    def __init__(
        self,
        client: Client,
        gateway: dict[str, Any],
        client_secret: Secret | None,
        parent: QWidget | None = None,
        *,
        open_url: OpenUrl = open_in_browser,
    ) -> None:
        super().__init__(tr("Sign in"), "oauth-sign-in-dialog", 560, 250, parent)
        self._client = client
        self._gateway = gateway
        self._client_secret = client_secret
        self._open_url = open_url
        self._url = ""
        self.report: OAuthReport | None = None
        name = str(gateway["auth"]["username"])
        self.body.add(label(tr("Sign in as {name}", name=name), Role.HEADING, wrap=True))
        self.summary = Banner(Tone.ACCENT)
        self.body.add(self.summary)
        self._copy = self._copy_button(tr("Copy address"), lambda: self._url)
        self._again = self._button(tr("Try again"), self._begin)
        self._close = self._button(tr("Cancel"), self.reject)

    async def run(self) -> OAuthReport | None:
        self._begin()
        await self.shown()
        return self.report

    def _begin(self) -> None:
        self._copy.reset()
        self._copy.hide()
        self._again.hide()
        self.summary.tell(Tone.ACCENT, tr("Opening your browser…"))
        self._tasks.spawn(self._sign_in(), "sign in")
        assign_mnemonics(self)

    async def _sign_in(self) -> None:
        is_microsoft = self._gateway["auth"]["oauth"]["provider"] == OAuthProvider.MICROSOFT.value
        identifier = str(self._gateway["id"])
        listener = LoopbackListener(host="localhost" if is_microsoft else "127.0.0.1", words=page_words())
        try:
            async with listener:
                begun = await self._client.oauth_begin(identifier, listener.redirect_uri, self._gateway, self._client_secret)
                self._url = begun.url
                self._tell_waiting(self._open_url(begun.url))
                found = await listener.wait(begun.state, max(1.0, begun.until - time.time()))
            self.summary.tell(Tone.ACCENT, tr("Fetching the token…"))
            self.report = await self._client.oauth_complete(identifier, found)
        except GatepostError as error:
            self._failed(said(error.title), told(error.detail, error.hint))
        except TimeoutError:
            self._failed(tr("Nobody came back from the browser."), tr("Try again, and sign in within a quarter of an hour."))
        else:
            self.accept()

    def _tell_waiting(self, is_open: bool) -> None:
        self._copy.show()
        if is_open:
            text = tr("Sign in there and agree; this window closes by itself when you are back.")
            self.summary.tell(Tone.ACCENT, tr("Waiting for your browser."), text)
        else:
            text = tr("Copy the address, and open it in a browser on this computer.")
            self.summary.tell(Tone.WARNING, tr("No browser could be opened."), text)
        assign_mnemonics(self)

    def _failed(self, title: str, detail: str) -> None:
        self.summary.tell(Tone.BAD, title, detail)
        self._copy.hide()
        self._again.show()
        assign_mnemonics(self)

    def _unexpected(self, error: BaseException, _name: str) -> None:
        self._failed(tr("The sign-in failed."), str(error))
