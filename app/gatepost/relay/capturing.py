"""The test inbox's place in the relay: what reception and delivery are given of it, and what the status says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..model.capture import INBOX, CaptureAndDeliver, Deliver, Handling, RedirectAll
from ..model.configuration import Configuration
from ..model.envelope import Envelope
from ..model.report import NotDelivering, Problem
from ..store.bodies import BodyFile
from ..store.captured_values import Content, NewCaptured
from ..store.journal_values import EntryKind
from ..store.values import NewMessage, StoredMessage
from .capture.faults import Injector
from .capture.keeping import Keeping
from .capture.retention import prune_for_ever
from .common.tasks import Tasks
from .reception import ReceptionContext

if TYPE_CHECKING:
    from .service import RelayService

_HAPPENS = {
    "refuse": "Clients are refused there.",
    "delay": "Clients are answered late there.",
    "drop": "Connections are dropped there.",
}


class Capturing:
    """One object for ``service``; implements reception's ``CapturePort``."""

    def __init__(self, service: RelayService) -> None:
        self._service = service
        self._tasks = Tasks("capturing")
        self.injector = Injector()
        self.keeping = Keeping(
            service.spool.captured, lambda: service.configuration, service.events, service.counters, service.clock
        )

    def start(self) -> None:
        """With the process: trays empty themselves while mail is stopped, too."""
        service = self._service
        pruning = prune_for_ever(service.spool.captured, lambda: service.configuration, service.clock, service.events)
        self._tasks.spawn(pruning, "prune the trays")

    def apply(self, configuration: Configuration, context: ReceptionContext) -> None:
        self.injector.apply(configuration)
        context.capture = self
        context.faults = self.injector

    async def close(self) -> None:
        self.keeping.close()
        await self._tasks.close()

    # --- for reception ---

    async def keep(self, message_id: int, envelope: Envelope, content: Content) -> str:
        try:
            new = await self.keeping.prepare(message_id, envelope, content)
        except BaseException:
            _discard(content)
            raise
        self.keeping.kept(new, await self.keeping.store.keep(new))
        return f"Captured in the tray “{self.tray_name(new.tray)}” by listener {envelope.origin.listener}; nothing is delivered"

    async def submit_with_copies(self, messages: Sequence[NewMessage]) -> list[StoredMessage]:
        store, copies, contents = self.keeping.store, list[NewCaptured](), [message.content for message in messages]
        try:
            for message in messages:
                contents.append(await store.second_name(message.content))
                copies.append(await self.keeping.prepare(message.id, message.envelope, contents[-1], is_copy=True))
        except BaseException:
            for content in contents:
                _discard(content)
            raise
        numbers, stored = await store.keep_beside(copies, messages)
        for new, number in zip(copies, numbers, strict=True):
            self.keeping.kept(new, number)
            words = f"A copy is kept in the tray “{self.tray_name(new.tray)}”"
            self._service.journal.add(new.message_id, new.captured_at, EntryKind.NOTE, "", words)
        return stored

    # --- for people ---

    def tray_name(self, identifier: str) -> str:
        trays = self._service.configuration.trays
        return next((tray.name for tray in trays if tray.id == identifier), "Inbox" if identifier == INBOX else identifier)

    def problems(self) -> list[Problem]:
        configuration = self._service.configuration
        found = [_problem(one) for one in not_delivering(configuration)]
        for rule in configuration.faults:
            if rule.enabled:
                where = rule.listener or "every listener"
                title = f"Faults are injected on purpose at {rule.stage.value} on {where}."
                detail = rule.description or _HAPPENS[rule.fault.action]
                found.append(Problem("faults", title, detail, "Disable the rule when the test is over.", f"fault:{rule.id}"))
        return found


def not_delivering(configuration: Configuration) -> tuple[NotDelivering, ...]:
    """Every enabled listener and outbound gateway whose mail is not delivered as it is."""
    places: list[tuple[str, str, str, Handling]] = [
        *(("listener", one.id, one.label, one.handling) for one in configuration.listeners if one.enabled),
        *(("gateway", one.id, one.label, one.handling) for one in configuration.outbound if one.enabled),
    ]
    return tuple(
        NotDelivering(kind, identifier, label, handling.action, handling.address if isinstance(handling, RedirectAll) else "")
        for kind, identifier, label, handling in places
        if not isinstance(handling, Deliver)
    )


def _problem(one: NotDelivering) -> Problem:
    if one.handling == RedirectAll.model_fields["action"].default:
        title = f"Mail of the {one.kind} {one.label} does not reach its recipients: all of it goes to {one.address}."
    elif one.handling == CaptureAndDeliver.model_fields["action"].default:
        title = f"Mail of the {one.kind} {one.label} is delivered, and a copy of each is kept in the test inbox."
    else:
        title = f"Mail of the {one.kind} {one.label} is not delivered: it is captured in the test inbox."
    return Problem("capture", title, "", "Set its handling to “deliver” when the test is over.", f"{one.kind}:{one.id}")


def _discard(content: Content) -> None:
    if isinstance(content, BodyFile):
        content.discard()
