"""SmarterMail's web service as a source of verdicts."""

from __future__ import annotations

from .smartermail.client import SmarterMailClient
from .smartermail.faults import SmarterMailFault
from .verdict import RecipientState, RecipientVerdict

SOURCE = "SmarterMail"


class SmarterMailSource:
    def __init__(self, client: SmarterMailClient) -> None:
        self._client = client

    async def verdict(self, address: str) -> RecipientVerdict:
        """Valid: users, aliases, lists of the domain or of the domain it is an alias of. A fault is “unknown”."""
        local, _, domain = address.rpartition("@")
        try:
            owner = await self._client.find_domain(domain)
            if owner is None:
                return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, f"the server has no domain {domain}")
            directory = await self._client.directory(owner)
        except SmarterMailFault as fault:
            return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, f"{fault.title} {fault.detail}".strip())
        state = RecipientState.VALID if directory.knows(local) else RecipientState.INVALID
        return RecipientVerdict(state, SOURCE, f"domain {owner}")
