"""The alarms' place in the relay: everything that is wrong, from every part, in one list; and the way of a notice out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..model.configuration import Configuration
from ..model.envelope import Notify
from ..model.report import CertificateReport, Problem, VaultReport
from ..store.small_file import SmallFile
from ..vault.vault import VaultState
from .alarms.watch import AlarmWatch
from .common.plan import HealthState

if TYPE_CHECKING:
    from .service import RelayService

_HOUR_MINUTES = 60


def vault_report(state: VaultState) -> VaultReport:
    kind = state.kind.value if state.kind is not None else ""
    return VaultReport(kind, state.label, state.usable, state.problem, state.hint, state.waiting)


class Alarming:
    """One object for ``service``; implements ``alarms.watch.Surroundings``."""

    def __init__(self, service: RelayService) -> None:
        self._service = service
        self.told: dict[str, Problem] = {}
        """What is wrong beside the relay's parts, by subject: the ports of the control API, for instance."""
        file = SmallFile(service.folder, "alarms.json", "What was told of trouble")
        self.watch = AlarmWatch(self, file, service.events, service.clock)

    async def start(self) -> None:
        """With the process: a stopped relay may have an expiring certificate, too."""
        await self.watch.start()

    async def close(self) -> None:
        await self.watch.close()

    def problems(self) -> list[Problem]:
        """Everything that needs attention now."""
        return [*self.reported(), *self.watch.problems()]

    # --- what the watch asks ---

    def configuration(self) -> Configuration:
        return self._service.configuration

    def host_name(self) -> str:
        return self._service.host_name

    def reported(self) -> Sequence[Problem]:
        service = self._service
        found = [*service.start_problems, *self.told.values()]
        for listener in service.reception.listeners():
            if listener.problem:
                found.append(
                    Problem("listener", f"The listener on {listener.address} port {listener.port} has a problem.",
                            listener.problem, subject=f"listener:{listener.id}")
                )  # fmt: skip
        for health in service.router.health():
            if health.state is not HealthState.HEALTHY:
                found.append(Problem("gateway", f"{health.label} rests.", health.cause, subject=health.key, since=health.since))
        for gateway in service.configuration.gateways:
            for remark in service.inbound.remarks(gateway.id):
                found.append(Problem("gateway", f"{gateway.label}: {remark}", subject=f"gateway:{gateway.id}"))
        found.extend(service.screening.problems())
        found.extend(service.capturing.problems())
        found.extend(service.oauth.problems())
        found.extend(service.pickup.problems())
        if not service.spool.has_room(0):
            found.append(Problem("disk", "The disk is nearly full.", "New mail is answered 452 until there is room."))
        return found

    def waiting(self) -> int:
        counts = self._service.spool.counts()
        return counts.waiting + counts.deferred

    async def oldest(self) -> float | None:
        return await self._service.spool.oldest_waiting()

    async def refused(self) -> int:
        return sum(sums.get("refused", 0) for _, sums in await self._service.history.sums(_HOUR_MINUTES, _HOUR_MINUTES))

    async def certificates(self) -> Sequence[CertificateReport]:
        return await self._service.reception.certificates()

    async def vault(self) -> VaultReport:
        return vault_report(await self._service.vault.describe())

    def pinned(self) -> Mapping[str, bytes]:
        return self._service.connector.pinned

    async def submit(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        return await self._service.submitting.own(sender, recipients, content, notify=Notify.NEVER)
