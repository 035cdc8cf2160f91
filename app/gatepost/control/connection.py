"""How the client reaches a relay: the endpoint file, requests, and failures told as GatepostErrors."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter

from .. import __version__
from ..model.errors import Conflict, GatepostError, InvalidInput, Issue, NotFound, Unavailable
from ..model.locations import ENDPOINT, service_runtime_folder
from ..model.report import API_VERSION
from . import schema
from .place import Local, NotRunning, OtherVersion, Place, Remote, Service

if TYPE_CHECKING:
    import aiohttp

Plain = dict[str, Any]
T = TypeVar("T")
S = TypeVar("S", bound=schema.Saved)

CONNECT_SECONDS = 15.0
"""For the whole way to a connection: name, TCP, TLS."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the endpoint file says. ``started_at`` in seconds since the epoch."""

    socket: str
    pid: int
    version: str
    api_version: int
    started_at: float
    token: str | None = field(default=None, repr=False)
    data_folder: str = ""


@dataclass(frozen=True, slots=True)
class Tagged:
    """Plain data with the revision of the configuration that it was read from."""

    value: Any
    revision: int


def read_endpoint(place: Path | Local | Service) -> Endpoint:
    """Of a data folder, or of the installed service. Raises NotRunning when there is none, OtherVersion when it is not for us,
    NotAllowed or another GatepostError when it cannot be used or trusted."""
    place = Local(place) if isinstance(place, Path) else place
    path = place.runtime / ENDPOINT
    try:
        return _read(place, path)
    except NotRunning:
        if isinstance(place, Local) and (found := _service_of(place.data_folder)) is not None:
            return found
        raise


def _read(place: Local | Service, path: Path) -> Endpoint:
    try:
        _refuse_foreign(place, path)
        found = json.loads(path.read_text(encoding="utf-8"))
        endpoint = Endpoint(
            socket=str(found["socket"]),
            pid=int(found["pid"]),
            version=str(found["version"]),
            api_version=int(found["api_version"]),
            started_at=float(found["started_at"]),
            token=_read_token(path.with_name("control.token")),
            data_folder=str(found.get("data_folder", "")),
        )
    except FileNotFoundError:
        raise place.not_running() from None
    except PermissionError as error:
        raise place.not_allowed(path, str(error.strerror)) from None
    except (ValueError, KeyError, TypeError):
        raise NotRunning("The relay cannot be found.", f"{path} is damaged.", "Restart the relay: “gatepost relay”.") from None
    check_version(endpoint.version, endpoint.api_version)
    return endpoint


def check_version(version: str, api_version: int) -> None:
    """Raises OtherVersion."""
    if api_version != API_VERSION:
        older = "this program" if api_version > API_VERSION else "the relay"
        raise OtherVersion(
            "The relay has another version.",
            f"The relay is {version} (API {api_version}), this program {__version__} (API {API_VERSION}).",
            f"Update {older}, then restart the relay.",
        )


def _service_of(data_folder: Path) -> Endpoint | None:
    """The installed service's endpoint, where that is the relay of this data folder."""
    try:
        found = read_endpoint(Service())
    except GatepostError:
        return None
    return found if found.data_folder and Path(found.data_folder) == data_folder.absolute() else None


def has_service() -> bool:
    """Whether a service is installed and runs, or ran: its runtime folder is there. Whether one may use it shows later."""
    return service_runtime_folder().is_dir()


def _refuse_foreign(place: Local | Service, path: Path) -> None:
    if sys.platform == "win32":
        return
    if isinstance(place, Service):
        if stat.S_IMODE(path.parent.stat().st_mode) & 0o022:
            raise GatepostError("The service's folder cannot be trusted.", f"Others may write into {path.parent}.")
        return
    owner = path.stat().st_uid
    if os.geteuid() != 0 and owner not in (0, os.geteuid()):
        raise GatepostError(
            "The endpoint file belongs to another user.",
            f"{path} was not written by a relay of this account.",
            "Remove it, and start the relay again.",
        )


def _read_token(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None


class Connection:
    """A connection pool to one relay."""

    def __init__(self, endpoint: Endpoint, session: aiohttp.ClientSession, place: Place, base: str) -> None:
        self.endpoint = endpoint
        self.place = place
        self.session = session
        self.base = base

    @classmethod
    async def connect(cls, place: Path | Place, *, program: str = "gatepost") -> Self:
        """Find the relay (a path is its data folder) and make sure that it answers. ``program`` stands beside the author of
        changes: ``gatepost-cli``, ``gatepost-desktop``."""
        import aiohttp

        place = Local(place) if isinstance(place, Path) else place
        connector: aiohttp.BaseConnector
        if isinstance(place, Remote):
            from . import far

            endpoint = Endpoint(place.address, 0, "", API_VERSION, 0.0, place.token.reveal())
            connector, base = far.connector(place), far.base(place)
        else:
            endpoint, base = await asyncio.to_thread(read_endpoint, place), "http://localhost/"
            pipe = sys.platform == "win32"
            connector = (aiohttp.NamedPipeConnector if pipe else aiohttp.UnixConnector)(endpoint.socket)
        headers = {"User-Agent": f"{program}/{__version__}"}
        if endpoint.token:
            headers["Authorization"] = f"Bearer {endpoint.token}"
        # No total time limit: a change may wait for a person at the password manager, and streams have no end.
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_connect=5)
        session = aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout)
        client = cls(endpoint, session, place, base)
        try:
            found = await client.get("v1/version", schema.Version)
            check_version(found.version, found.api_version)
        except BaseException:
            await client.close()
            raise
        return client

    async def close(self) -> None:
        await self.session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def get(self, path: str, kind: type[T], query: Mapping[str, Any] | None = None) -> T:
        body, _ = await self.call("GET", path, query=query)
        return decoded(kind, body)

    async def post(self, path: str, request: Any, kind: type[T]) -> T:
        body, _ = await self.call("POST", path, request.model_dump(mode="json"))
        return decoded(kind, body)

    async def id_array(self, path: str, request: Any) -> array[int]:
        """Ids in their compact form: a million of them are 8 MB and need no decoding."""
        body, _ = await self.call("POST", path, request.model_dump(mode="json"), headers={"Accept": schema.COMPACT_IDS})
        found = array("q")
        found.frombytes(body)
        if sys.byteorder == "big":
            found.byteswap()
        return found

    async def tagged(self, path: str) -> Tagged:
        body, headers = await self.call("GET", path)
        return Tagged(json.loads(body), int(headers["ETag"].strip('"')))

    async def change(
        self,
        method: str,
        path: str,
        body: Any,
        kind: type[S],
        *,
        revision: int | None = None,
        dry_run: bool = False,
        note: str = "",
        **query: Any,
    ) -> S:
        headers = {"If-Match": f'"{revision}"'} if revision is not None else {}
        asked = query | ({"dry_run": True} if dry_run else {}) | ({"note": note} if note else {})
        raw, _ = await self.call(method, path, body, query=asked, headers=headers)
        return decoded(kind, raw)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[bytes, Mapping[str, str]]:
        async with self.request(method, path, body, query=query, headers=headers) as response:
            return await response.read(), response.headers

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        from yarl import URL

        asked = {key: _query_text(value) for key, value in (query or {}).items() if value is not None}
        url = URL(f"{self.base}{path}", encoded=True).with_query(asked or None)
        return Request(self, method, url, body, headers)


class Request:
    """A request whose failures are told as GatepostErrors."""

    def __init__(self, client: Connection, method: str, url: Any, body: Any, headers: Mapping[str, str] | None) -> None:
        options: dict[str, Any] = {"json": body} if body is not None else {}
        self._place = client.place
        self._session = client.session
        self._request = partial(client.session.request, method, url, headers=headers, **options)
        self._context: Any = None

    async def __aenter__(self) -> aiohttp.ClientResponse:
        import aiohttp

        if self._session.closed:  # it was lost while somebody went on with it: aiohttp would call that a mistake of ours
            raise Unavailable(*_CLOSED)
        self._context = self._request()
        try:
            response: aiohttp.ClientResponse = await self._context.__aenter__()
            if response.status < 400:
                return response
            raw = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(self._place, error) from None
        await self._context.__aexit__(None, None, None)
        raise _error_from(self._place, response.status, raw)

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import aiohttp

        await self._context.__aexit__(kind, error, trace)
        if isinstance(error, aiohttp.ClientError):
            raise _failed(self._place, error) from None


def _failed(place: Place, error: Exception) -> GatepostError:
    """The way to the relay, or the connection, does not hold."""
    import aiohttp

    if isinstance(place, Remote):
        from . import far

        return far.told(place, error)
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, PermissionError):
            return place.not_allowed(place.runtime, str(error.os_error.strerror))
        return place.not_running()
    title, _, hint = _CLOSED
    return Unavailable(title, str(error), hint)


_CLOSED = ("The relay closed the connection.", "", "See whether it still runs: “gatepost status”.")


class RemoteError(GatepostError):
    """A failure that the relay reported, with the status and the code that it gave."""


def _error_from(place: Place, status: int, raw: bytes) -> GatepostError:
    if status == 401 and isinstance(place, Remote):
        from . import far

        return far.refused(place)
    try:
        return error_of(status, schema.ErrorReply.model_validate_json(raw).error)
    except ValueError:
        return Unavailable("The relay gave no readable answer.", f"HTTP status {status}.")


def error_of(status: int, body: schema.ErrorBody) -> GatepostError:
    """The relay's error as the class that it was raised as there, where that class is one of the model's."""
    if body.issues:
        return InvalidInput([Issue(i.field, i.message, i.code) for i in body.issues], body.title)
    kinds: dict[int, type[GatepostError]] = {404: NotFound, 409: Conflict, 503: Unavailable}
    error = kinds.get(status, RemoteError)(body.title, body.detail, body.hint)
    error.status, error.code = status, body.code
    return error


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def quoted(text: str) -> str:
    """One or several parts of a path; never a way out of it."""
    return "/".join("%2E" * len(part) if part in (".", "..") else quote(part, safe="") for part in text.split("/"))


def decoded(kind: type[T], raw: bytes) -> T:
    known: Any = kind  # mypy: a type with a parameter is not known to be hashable
    decoded: T = _adapter(known).validate_json(raw)
    return decoded


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
