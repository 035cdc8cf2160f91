"""Does what the list's buttons say: asks, works with its progress in the foot, says what was done."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable

from ....control.capture_schema import CapturedFilter, CapturedRow, OperateCapturedRequest
from ....model.errors import NotFound
from ...i18n import format_count, ntr, tr
from ...session import RelaySession
from ..lists.gateways import Gateways
from ..lists.list_card import Foot
from ..lists.saving import ask_where, save
from ..lists.targets import Target
from ..lists.worker import Worker
from ..page import Page
from .actions import Release, ReleaseDialog, ask_clear, ask_delete

MOST_SAVED = 1000
DELETE = OperateCapturedRequest(operation="delete")
RELEASE = OperateCapturedRequest(operation="release")


class Work:
    """One at a time, by the page's worker. ``changed`` is called when messages were released or deleted."""

    def __init__(self, page: Page, worker: Worker, foot: Foot, gateways: Gateways, changed: Callable[[], None]) -> None:
        self._page = page
        self._worker = worker
        self._foot = foot
        self._gateways = gateways
        self._changed = changed

    @property
    def _session(self) -> RelaySession:
        return self._page.context.session

    async def delete(self, target: Target[CapturedFilter]) -> None:
        await self._operate(DELETE, target, lambda number: ask_delete(self._page, number))

    async def release(self, target: Target[CapturedFilter], row: CapturedRow | None) -> None:
        """``row``: the message, where it is only one; its recipients can be changed then."""
        number = await self._worker.run(tr("Working…"), lambda _: target.count(RELEASE, self._send))
        if not number:
            self._foot.say(nothing())
            return
        dialog = ReleaseDialog(self._page, self._gateways.outbound, number, row)
        if await dialog.ask() != "yes":
            return
        release = dialog.release()
        if row is not None and release.recipients is not None:
            await self._release_one(row, release)
        else:
            await self._operate(RELEASE.model_copy(update={"gateway": release.gateway}), target, _agreed)

    async def _release_one(self, row: CapturedRow, release: Release) -> None:
        try:
            await self._session.client.release_captured(row.id, release.gateway, release.recipients)
        except NotFound:
            self._foot.say(nothing())
            return
        self._foot.say(told(RELEASE, 1))
        self._changed()

    async def clear(self, tray: str, name: str) -> None:
        """One tray, or (``tray`` empty) all of them."""
        target = Target(CapturedFilter(tray=tray))
        await self._operate(DELETE, target, lambda number: ask_clear(self._page, name, number))

    async def _operate(
        self, request: OperateCapturedRequest, target: Target[CapturedFilter], ask: Callable[[int], Awaitable[bool]]
    ) -> None:
        if await self._worker.act(
            lambda: target.count(request, self._send),
            ask,
            lambda progress: target.carry_out(request, self._send, progress),
            lambda number: told(request, number),
            nothing(),
        ):
            self._changed()

    async def _send(self, request: OperateCapturedRequest) -> int:
        return await self._session.client.captured_operate(request)

    async def save(self, numbers: array[int]) -> None:
        """As .eml; by names of ours."""
        if len(numbers) > MOST_SAVED:
            self._foot.say(tr("Choose at most {n} messages to save.", n=format_count(MOST_SAVED)))
            return
        by_name = {f"captured-{number}": number for number in numbers}
        if (where := await ask_where(self._page, list(by_name))) is None:
            return
        client = self._session.client
        saved = await self._worker.run(
            tr("Saving…"),
            lambda progress: save(lambda name: client.captured_content(by_name[name]), list(by_name), where, progress),
        )
        self._foot.say(ntr("{n} message was saved to {where}.", "{n} messages were saved to {where}.", saved, where=where))


async def _agreed(_number: int) -> bool:
    return True


def nothing() -> str:
    return tr("Nothing of it is here any more.")


def told(request: OperateCapturedRequest, number: int) -> str:
    if request.operation == "delete":
        return ntr("{n} message was deleted.", "{n} messages were deleted.", number)
    return ntr("{n} message was released.", "{n} messages were released.", number)
