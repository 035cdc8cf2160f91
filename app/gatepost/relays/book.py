"""The book of relays on other machines: names, addresses, pinned certificates. Tokens are in ``keys``."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from ..control.place import Place, Remote, Service
from ..model.configuration import issues_of
from ..model.errors import Conflict, GatepostError, InvalidInput, NotFound
from ..model.fields import Fingerprint, Host, Line, Model, Port
from ..model.remote import DEFAULT_PORT
from ..model.secret import Secret
from .keys import Keys
from .lock import PATIENCE, held

SERVICE_NAME = "service"
LOCAL_NAME = "local"
_OWN = {SERVICE_NAME, LOCAL_NAME}
"""Names that mean something else already."""


class Known(Model):
    """A relay on another machine, without its token."""

    name: Annotated[Line, Field(min_length=1, max_length=60)]
    host: Host
    port: Port = DEFAULT_PORT
    fingerprint: Fingerprint

    @property
    def key(self) -> str:
        return self.name.casefold()


_BOOK = TypeAdapter(tuple[Known, ...])


def default_folder() -> Path:
    from platformdirs import user_config_path

    return user_config_path("gatepost", appauthor=False) / "relays"


def validated(name: str, host: str, port: int, fingerprint: str) -> Known:
    """Raises InvalidInput with every issue by field."""
    try:
        return Known(name=name, host=host, port=port, fingerprint=fingerprint)
    except ValidationError as error:
        raise InvalidInput(issues_of(error, Known)) from None


class RelayBook:
    """Reads block; what changes something, or needs a token, is a coroutine.

    ``patience``: seconds to wait for another program that changes the same book. Changes raise Conflict after that.
    """

    def __init__(self, folder: Path | None = None, patience: float = PATIENCE) -> None:
        self._folder = folder if folder is not None else default_folder()
        self._file = self._folder / "relays.json"
        self._keys = Keys(self._folder)
        self._patience = patience

    def all(self) -> tuple[Known, ...]:
        """By name. Raises GatepostError when the file is damaged."""
        try:
            return _BOOK.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else "it is not what Gatepost wrote"
            hint = "Move it away, and add them anew."
            raise GatepostError("The list of relays cannot be read.", f"{self._file}: {words}.", hint) from None

    def find(self, name: str) -> Known:
        """Raises NotFound."""
        for known in self.all():
            if known.key == name.casefold():
                return known
        raise NotFound(f"There is no relay “{name[:60]}”.", "", "“gatepost relay-list” names those that there are.")

    async def place(self, name: str) -> Place:
        """Raises NotFound, and what the vault says when the token cannot be read."""
        if name.casefold() == SERVICE_NAME:
            return Service()
        known = await asyncio.to_thread(self.find, name)
        token = await self._keys.get(known.key)
        if token is None:
            raise GatepostError(
                f"There is no token for “{known.name}”.", "", f"Give it again: gatepost relay-list token {known.name}"
            )
        return Remote(known.name, known.host, known.port, known.fingerprint, token)

    async def add(self, known: Known, token: Secret) -> None:
        """Raises Conflict for a name that is taken."""
        async with self._held():
            if known.key in _OWN or any(one.key == known.key for one in self.all()):
                hint = "Choose another name, or remove that one first."
                raise Conflict(f"There is a relay “{known.name}” already.", "", hint)
            await self._keys.set(known.key, token)
            self._save((*self.all(), known))

    async def set_token(self, name: str, token: Secret) -> None:
        """Raises NotFound."""
        async with self._held():
            await self._keys.set(self.find(name).key, token)

    async def pin(self, name: str, fingerprint: str) -> None:
        """Trust another certificate from now on. Raises NotFound, InvalidInput."""
        async with self._held():
            found = self.find(name)
            renewed = validated(found.name, found.host, found.port, fingerprint)
            self._save(tuple(renewed if one.key == found.key else one for one in self.all()))

    async def remove(self, name: str) -> None:
        """Raises NotFound."""
        async with self._held():
            found = self.find(name)
            self._save(tuple(one for one in self.all() if one.key != found.key))
            await self._keys.delete(found.key)

    def _held(self) -> AbstractAsyncContextManager[None]:
        """Entries and tokens are read, changed and written as a whole: nobody else may do so meanwhile."""
        return held(self._folder, self._patience)

    def _save(self, relays: tuple[Known, ...]) -> None:
        ordered = sorted(relays, key=lambda one: one.key)
        new = self._file.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump([one.model_dump() for one in ordered], handle, ensure_ascii=False, indent=1)
            handle.flush()
            os.fsync(handle.fileno())
        new.replace(self._file)
