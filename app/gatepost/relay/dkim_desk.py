"""DKIM keys as people administer them: making one, and seeing whether DNS publishes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.dkim import DkimAlgorithm, DkimKey
from ..model.errors import NotFound
from ..model.report import DkimCheck
from .inspection.resolver import Resolver
from .signing import check_published, new_key

if TYPE_CHECKING:
    from .administration import Administration
    from .service import RelayService


class DkimDesk:
    """Implements ``control.server.facade.DkimFacade``."""

    def __init__(self, service: RelayService, administration: Administration) -> None:
        self._service = service
        self._administration = administration

    async def make_key(self, key_id: str, algorithm: DkimAlgorithm) -> str:
        """A new pair: the private half goes to the vault, the public one is returned. Raises VaultError."""
        private, public = await new_key(algorithm)
        await self._administration.set_secret(DkimKey(id=key_id, domain="any.invalid").secret, private)
        return public

    async def check(self, key_id: str) -> DkimCheck:
        configuration = self._service.configuration
        key = next((key for key in configuration.dkim_keys if key.id == key_id), None)
        if key is None:
            raise NotFound(f"There is no DKIM key “{key_id[:60]}”.", hint="It may have been removed meanwhile.")
        delivery = configuration.settings.delivery
        resolver = Resolver(delivery.name_servers, delivery.name_server_port)  # of its own: what was cached must not answer
        try:
            return await check_published(key, resolver)
        finally:
            resolver.close()
