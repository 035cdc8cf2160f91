"""Tokens for relays on other machines, in this account's keyring; sealed with a key of its own where there is none."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..model.locations import default_vault_key_file
from ..model.secret import Secret

if TYPE_CHECKING:
    from ..vault import Vault


class Keys:
    """The vault is opened for one call and closed again: calls are rare."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def get(self, name: str) -> Secret | None:
        async with self._opened() as vault:
            return await vault.get(_entry(name))

    async def set(self, name: str, token: Secret) -> None:
        async with self._opened() as vault:
            await vault.set(_entry(name), token)

    async def delete(self, name: str) -> None:
        async with self._opened() as vault:
            await vault.delete(_entry(name))

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Vault]:
        from ..vault import open_vault
        from ..vault.key import create_key_file, find_key

        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        key_file = default_vault_key_file()
        vault = open_vault("auto", data_folder=self._folder, key_file=key_file)
        try:
            if find_key(key_file) is None and not (await vault.describe()).usable:
                await vault.close()
                await asyncio.to_thread(create_key_file, key_file)
                vault = open_vault("auto", data_folder=self._folder, key_file=key_file)
            yield vault
        finally:
            await vault.close()


def _entry(name: str) -> str:
    """A name in any script as a secret's name has to be."""
    return f"relay/{re.sub('[^!-~]', '_', quote(name, safe=''))}/token"
