"""Settings → Remote administration against a real relay: what is saved is in force, and a token is seen once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.settings import SettingsPage
from gatepost.desktop.pages.settings.remote import RemoteSection
from tests.support.ports import free_port
from tests.support.remote import RemoteApi, fingerprint_at

from ..waiting import closed, until


@pytest.fixture
def page(connected_context: AppContext, show: Callable[..., Any]) -> SettingsPage:
    made = SettingsPage(connected_context)
    connected_context.session.happened.connect(made.on_event)
    show(made, 1120, 780)
    return made


def dialog(name: str) -> Any:
    found = QApplication.activeModalWidget()
    return found if found is not None and found.objectName() == name else None


async def test_it_is_switched_on_a_token_is_made_and_revoked(page: SettingsPage) -> None:
    await page.enter(section="remote")
    section = cast(RemoteSection, page.section)
    assert not section.certificate.isVisibleTo(section)
    port = free_port()
    for path, value in (("remote.enabled", True), ("remote.address", "127.0.0.1"), ("remote.port", port)):
        section.form.put(path, value)
    assert await section.save()
    await until(lambda: "Listening" in _texts(section), "it says that it listens")
    seen = await asyncio.to_thread(fingerprint_at, port)
    assert section.fingerprint.text().replace(" ", "").lower() == seen
    assert "nobody gets in" in _texts(section)

    section.make.click()
    await until(lambda: dialog("new-token") is not None, "it asks for a name")
    dialog("new-token").name.setText("Ann’s laptop")
    dialog("new-token").answer("make")
    await until(lambda: dialog("shown-token") is not None, "the token is shown")
    secret = dialog("shown-token").token.text()
    dialog("shown-token").answer("")
    answer = await asyncio.to_thread(RemoteApi(port, secret).call, "GET", "/v1/version")
    assert answer.status == 200
    await section.load()
    await until(lambda: "Ann’s laptop" in _texts(section), "it is listed")
    assert "from 127.0.0.1" in _texts(section)
    assert secret not in _texts(section)

    revoke = next(b for b in section.findChildren(QPushButton) if b.accessibleName() == "Revoke: Ann’s laptop")
    revoke.click()
    await until(lambda: QApplication.activeModalWidget() is not None, "it asks")
    cast(Any, QApplication.activeModalWidget()).answer("yes")
    await until(lambda: "nobody gets in" in _texts(section), "it is gone")
    answer = await asyncio.to_thread(RemoteApi(port, secret).call, "GET", "/v1/version")
    assert answer.status == 401
    await closed(page)


def _texts(section: RemoteSection) -> str:
    return "\n".join(found.text() for found in section.findChildren(QLabel) if found.isVisibleTo(section))
