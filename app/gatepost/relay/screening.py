"""What stands between reception and the spool: inspection, signing, quarantine. One object for ``service``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.configuration import Configuration
from ..model.envelope import Envelope
from ..model.report import Problem
from ..store.values import StoredMessage
from .common.tasks import Tasks
from .inspecting import Inspecting
from .quarantine import expire_for_ever
from .reception import ReceptionContext
from .signing import Signing

if TYPE_CHECKING:
    from .service import RelayService


class Screening:
    def __init__(self, service: RelayService) -> None:
        self._service = service
        self._tasks = Tasks("screening")
        self.signing = Signing(service.vault, service.clock)
        self.inspecting = Inspecting(
            lambda envelope: service.router.lanes(envelope),
            lambda sender, recipient, client: service.router.lane(sender, recipient, client),
            service.spool.bodies,
            self.signing,
            service.counters,
            service.clock,
        )

    def start(self) -> None:
        """With the process, not with the mail plane: days pass while mail is stopped, too."""
        self._tasks.spawn(expire_for_ever(self._service), "end quarantines")

    def apply(self, configuration: Configuration, context: ReceptionContext) -> None:
        self.signing.apply(configuration)
        self.inspecting.apply(configuration, self._service.host_name)
        context.inspect = self.inspecting.inspect
        context.refused_as = self.inspecting.refused_as

    def secret_changed(self, name: str) -> None:
        kind, _, rest = name.partition("/")
        if kind == "dkim":
            self.signing.forget(rest.partition("/")[0])

    async def signed(self, envelope: Envelope, content: bytes) -> bytes:
        """A message of our own, signed like our users' mail."""
        return (await self.signing.sign(envelope, content)).fields + content if self.signing.is_on else content

    def accepted(self, stored: StoredMessage) -> None:
        if stored.deliveries[0].hold:
            self._service.events.publish("quarantine.changed", operation="add", count=1)

    def problems(self) -> list[Problem]:
        failing = [
            Problem(
                "inspection", f"{trouble.source} gives no answer.", trouble.reason,
                "Mail is judged without it. See whether it runs, and whether its address in the settings is right.",
                f"source:{trouble.source}", trouble.since,
            )
            for trouble in self.inspecting.troubles()
        ]  # fmt: skip
        return [*failing, *self.signing.problems()]

    async def close(self) -> None:
        await self._tasks.close()
        self.inspecting.close()
