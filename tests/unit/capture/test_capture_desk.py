"""What people do with captured mail, where other hands are at it too."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gatepost.control.server.call import Call
from gatepost.control.server.handlers import captured
from gatepost.model.configuration import Configuration
from gatepost.model.envelope import Envelope, Origin, Recipient
from gatepost.model.errors import NotFound, Unavailable
from gatepost.relay.capture_desk import CaptureDesk
from gatepost.store.captured_values import CapturedFilter, NewCaptured, Summary
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool


async def test_releasing_all_goes_on_behind_one_that_is_gone_meanwhile(tmp_path: Path) -> None:
    spool = Spool.open(DataFolder(tmp_path / "data"))
    for _ in range(3):
        envelope = Envelope("a@example.com", (Recipient("b@example.org"),), origin=Origin("ls-1"))
        content = b"Subject: Hi\r\n\r\nHello\r\n"
        await spool.captured.keep(NewCaptured(spool.allocate_id(), "inbox", envelope, content, 1_790_000_000.0, Summary()))
    desk = CaptureDesk(cast(Any, SimpleNamespace(spool=spool, configuration=Configuration())))
    released: list[int] = []

    async def release(number: int, **_: Any) -> str:
        if number == 2:
            raise NotFound("This message is not in the test inbox.")
        released.append(number)
        return "Q"

    desk.release = release  # type: ignore[method-assign]
    assert await desk.release_all(CapturedFilter(), gateway=None, author="ann") == 2
    assert released == [1, 3]
    await spool.aclose()


async def test_only_so_many_may_wait_for_captured_mail() -> None:
    others = {asyncio.get_running_loop().create_future() for _ in range(captured.MAX_WAITING)}
    request = SimpleNamespace(app={captured.WAITING: others})
    with pytest.raises(Unavailable, match="Too many"):
        await captured.wait(cast(Call, SimpleNamespace(request=request, query=captured.WaitQuery())))
