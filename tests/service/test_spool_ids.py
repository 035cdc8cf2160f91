"""Ids of a list over the control API: as JSON for programs, and compact for lists of a million rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gatepost.control import spool_schema
from gatepost.control.client import Client

from ..support.relay_process import RelayProcess


async def test_both_forms_name_the_same_ids_in_the_same_order(
    start_relay: Callable[..., RelayProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = start_relay()
    monkeypatch.setenv("XDG_RUNTIME_DIR", relay.environment["XDG_RUNTIME_DIR"])
    async with await Client.connect(relay.data) as client:
        await client.pause()
        for number in range(5):
            await client.send_test("me@example.com", f"you{number}@example.net")
        request = spool_schema.IdsRequest(descending=True)
        compact = await client.spool_ids(request)
        plain = await client.post("v1/spool/ids", request, list[int])
        none = await client.spool_ids(spool_schema.IdsRequest(filter=spool_schema.Filter(sender="nobody")))

    assert compact.itemsize == 8
    assert list(compact) == plain == sorted(plain, reverse=True)
    assert len(plain) == 5
    assert not none
