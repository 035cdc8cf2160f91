"""Where the hosts of gateways are: asked of the name servers that the administrator set, else of the operating system."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..model.settings import DeliverySettings
from .delivery.dial import system_addresses
from .delivery.values import FailureKind, HopFailure, Stage
from .routing.lookup import Absent, Found
from .routing.mx import MxResolver


class HostNames:
    """What the connector resolves with. Raises HopFailure at RESOLVE."""

    def __init__(self, settings: Callable[[], DeliverySettings], resolver: MxResolver) -> None:
        self._settings = settings
        self._resolver = resolver

    async def __call__(self, host: str, /) -> Sequence[str]:
        servers = self._settings().name_servers
        if not servers or host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3: never a question to the DNS
            return await system_addresses(host)
        found = await self._resolver.addresses(host)
        if isinstance(found, Found):
            return found.records
        if isinstance(found, Absent):
            title, detail = (
                f"There is no host “{host}”.",
                f"The name servers that are set ({', '.join(servers)}) know no such host.",
            )
        else:
            title, detail = f"The name “{host}” could not be looked up now.", f"{found.reason}."
        hint = "Check the server address, and the name servers in Settings → Delivery."
        raise HopFailure(Stage.RESOLVE, FailureKind.DNS, title, detail, hint, permanent=isinstance(found, Absent))
