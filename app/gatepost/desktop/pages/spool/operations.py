"""What can be done with deliveries: on what is chosen, or on all that match. How many is said before it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from ....control.spool_schema import Filter, OperateRequest
from ....model.report import SpoolOperation
from ...cards import confirm
from ...i18n import mark, ntr, tr
from ...session import RelaySession
from ..lists.targets import Progress, Target

Words = Callable[..., str]
"""Takes the number, and by name what else the text speaks of."""


@dataclass(frozen=True, slots=True)
class Operation:
    """``title`` and ``detail`` are marked for translation; the other words are made for a number of deliveries."""

    kind: SpoolOperation
    title: str
    icon: str
    shortcut: str
    question: Words
    button: Words
    done: Words
    is_dangerous: bool = False
    detail: str = ""
    asks_always: bool = False


OPERATIONS = (
    Operation(
        SpoolOperation.RETRY,
        mark("&Retry now"),
        "refresh",
        "Ctrl+R",
        lambda n, **v: ntr("Try {n} delivery again now?", "Try {n} deliveries again now?", n, **v),
        lambda n, **v: ntr("Try {n} delivery now", "Try {n} deliveries now", n, **v),
        lambda n, **v: ntr("{n} delivery is tried again now.", "{n} deliveries are tried again now.", n, **v),
        detail=mark("Those on hold stay there until they are released."),
    ),
    Operation(
        SpoolOperation.HOLD,
        mark("&Hold"),
        "pause",
        "Ctrl+H",
        lambda n, **v: ntr("Put {n} delivery on hold?", "Put {n} deliveries on hold?", n, **v),
        lambda n, **v: ntr("Hold {n} delivery", "Hold {n} deliveries", n, **v),
        lambda n, **v: ntr("{n} delivery is on hold.", "{n} deliveries are on hold.", n, **v),
        detail=mark("They stay in the spool and are not tried until somebody releases them."),
    ),
    Operation(
        SpoolOperation.RELEASE,
        mark("Re&lease"),
        "play",
        "Ctrl+L",
        lambda n, **v: ntr("Release {n} delivery?", "Release {n} deliveries?", n, **v),
        lambda n, **v: ntr("Release {n} delivery", "Release {n} deliveries", n, **v),
        lambda n, **v: ntr("{n} delivery was released.", "{n} deliveries were released.", n, **v),
        detail=mark("They are tried at once. The time on hold does not count against their lifetime."),
    ),
    Operation(
        SpoolOperation.REROUTE,
        mark("Send by another &gateway…"),
        "gateways",
        "Ctrl+G",
        lambda n, **v: ntr("Send {n} delivery by {argument}?", "Send {n} deliveries by {argument}?", n, **v),
        lambda n, **v: ntr("Send {n} delivery", "Send {n} deliveries", n, **v),
        lambda n, **v: ntr("{n} delivery takes another way.", "{n} deliveries take another way.", n, **v),
        detail=mark("They are tried at once, whatever the rules of their domains say."),
    ),
    Operation(
        SpoolOperation.PRIORITY,
        mark("Change &priority…"),
        "up",
        "",
        lambda n, **v: ntr(
            "Give {n} delivery another priority: {argument}?", "Give {n} deliveries another priority: {argument}?", n, **v
        ),
        lambda n, **v: ntr("Change {n} delivery", "Change {n} deliveries", n, **v),
        lambda n, **v: ntr("{n} delivery has another priority.", "{n} deliveries have another priority.", n, **v),
    ),
    Operation(
        SpoolOperation.FAIL,
        mark("&Fail now, tell the sender"),
        "bad",
        "",
        lambda n, **v: ntr(
            "Give up {n} delivery and tell its sender?", "Give up {n} deliveries and tell their senders?", n, **v
        ),
        lambda n, **v: ntr("Give up {n} delivery", "Give up {n} deliveries", n, **v),
        lambda n, **v: ntr(
            "{n} delivery was given up; its sender is told.", "{n} deliveries were given up; their senders are told.", n, **v
        ),
        is_dangerous=True,
        asks_always=True,
        detail=mark("Each sender gets a report that the message could not be delivered. This cannot be undone."),
    ),
    Operation(
        SpoolOperation.DELETE,
        mark("&Delete"),
        "delete",
        "Del",
        lambda n, **v: ntr(
            "Delete {n} delivery without telling its sender?", "Delete {n} deliveries without telling their senders?", n, **v
        ),
        lambda n, **v: ntr("Delete {n} delivery", "Delete {n} deliveries", n, **v),
        lambda n, **v: ntr("{n} delivery was deleted.", "{n} deliveries were deleted.", n, **v),
        is_dangerous=True,
        asks_always=True,
        detail=mark("The mail is gone for good, and nobody is told. This cannot be undone."),
    ),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """An operation with its argument; ``argument`` is what the question calls it."""

    operation: Operation
    gateway: str | None = None
    priority: int | None = None
    argument: str = ""

    @property
    def request(self) -> OperateRequest:
        return OperateRequest(operation=self.operation.kind, gateway=self.gateway, priority=self.priority)

    async def count(self, session: RelaySession, target: Target[Filter]) -> int:
        """How many it would concern now."""
        return await target.count(self.request, lambda request: session.client.operate(request))

    async def ask(self, parent: QWidget, count: int) -> bool:
        """Whether to go on; a single delivery and a harmless operation need no question."""
        found = self.operation
        if count == 1 and not found.asks_always:
            return True
        words = [found.question(count, argument=self.argument), tr(found.detail) if found.detail else ""]
        title = tr(found.title).replace("&", "").rstrip("…")
        text = "\n\n".join(filter(None, words))
        return await confirm(parent, title, text, found.button(count), is_dangerous=found.is_dangerous)

    async def run(self, session: RelaySession, target: Target[Filter], progress: Progress) -> int:
        return await target.carry_out(self.request, lambda request: session.client.operate(request), progress)

    def told(self, count: int) -> str:
        return self.operation.done(count)
