"""The end of a relay: one part that cannot be closed leaves no other open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatepost.model.report import MailPlane

from .test_first_port import kept_umask, opened, ports_of_its_own

__all__ = ["kept_umask", "ports_of_its_own"]


def breaks(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*arguments: Any) -> None:
        raise RuntimeError(f"{name} is broken")

    monkeypatch.setattr(owner, name, broken)


async def test_every_part_is_closed_though_others_cannot_be_and_each_error_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = await opened(tmp_path)
    await service.start()
    spool, closed = service.spool, []
    for owner, name in ((service.journal, "close"), (service.vault, "close"), (service.kept_verdicts, "close")):
        real = getattr(owner, name)

        async def close(real: Any = real, owner: Any = owner) -> None:
            closed.append(owner)
            await real()

        monkeypatch.setattr(owner, name, close)
    for owner, name in ((service.pickup, "stop"), (service.alarming, "close"), (service.gateway_memory, "keep")):
        breaks(owner, name, monkeypatch)
    await service.close()
    assert service.mail is MailPlane.STOPPED
    assert service.reception.listeners() == [] or all(one.state != "listening" for one in service.reception.listeners())
    assert closed == [service.kept_verdicts, service.journal, service.vault]
    with pytest.raises(Exception, match="shutdown"):
        await spool.next_due(0.0)
    said = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert said == ["stop is broken", "close is broken", "keep is broken"]


async def test_mail_that_cannot_be_stopped_in_good_order_is_stopped_and_whoever_asked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await opened(tmp_path)
    try:
        await service.start()
        with monkeypatch.context() as patch:
            breaks(service.inbound, "stop", patch)
            with pytest.raises(RuntimeError, match="stop is broken"):
                await service.stop()
        assert service.mail is MailPlane.STOPPED
        await service.start()
        assert service.mail is MailPlane.RUNNING
    finally:
        await service.close()
