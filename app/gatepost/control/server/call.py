"""One call: a request that the guard let through, its body and query validated, and how answers are written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ...model.configuration import issues_of
from ...model.errors import InvalidInput, Issue, NotFound
from ...model.fields import Line, Model
from ...model.identifiers import row_id
from ..schema import Count
from .errors import BadRequest
from .facade import RelayFacade
from .guard import CALLER

MAX_BODY = 8 * 1024 * 1024
"""Octets of a request's body."""
_LARGE_ANSWER = 2_000
"""From this many items on, an answer is written off the loop."""

T = TypeVar("T")

FACADE: web.AppKey[RelayFacade] = web.AppKey("facade", RelayFacade)


class NoQuery(Model):
    pass


class ChangeQuery(Model):
    dry_run: bool = False
    """Say what would happen, and change nothing."""
    note: Line = ""
    """Stands beside the revision."""


class RemoveQuery(ChangeQuery):
    keep_secrets: bool = False
    """Leave the passwords of a removed gateway in the vault."""


class PageQuery(Model):
    limit: int = Field(default=100, ge=1, le=1000)
    before: Count | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets. ``body`` and ``query`` are instances of what its route declares."""

    request: web.Request
    facade: RelayFacade
    body: Any
    query: Any

    @property
    def author(self) -> str:
        return str(self.request[CALLER].name)

    def part(self, name: str) -> str:
        return self.request.match_info[name]

    def message_id(self) -> int:
        """From the path's queue id. Raises NotFound."""
        text = self.part("queue_id")
        try:
            if len(text) > 13:
                raise ValueError(text)
            return row_id(text)
        except ValueError:
            raise NotFound(f"There is no message “{text[:40]}”.") from None

    def number(self, name: str) -> int:
        text = self.part(name)
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise NotFound(f"There is no revision “{text[:40]}”.")
        return int(text)

    def expected_revision(self) -> int | None:
        """From If-Match. Raises BadRequest for what is no entity tag of ours."""
        tag = self.request.headers.get("If-Match", "*").strip()
        if tag == "*":
            return None
        digits = tag.removeprefix('"').removesuffix('"')
        if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
            raise BadRequest(
                "If-Match is not a revision of the configuration.", hint='Send the ETag of an answer, such as "12".'
            )
        return int(digits)


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Tagged:
    """An answer with the revision it stands for, sent as ETag."""

    value: Any
    revision: int


async def read_call(request: web.Request, body: Any, query: type[Model]) -> Call:
    """Raises BadRequest for what is no JSON, InvalidInput for what does not fit."""
    return Call(
        request,
        request.app[FACADE],
        _validated(body, await _json(request)) if body is not None else None,
        _query(request, query),
    )


async def answer(kind: Any, value: Any) -> web.StreamResponse:
    headers: dict[str, str] = {"Cache-Control": "no-store"}
    if isinstance(value, Tagged):
        headers["ETag"] = f'"{value.revision}"'
        value = value.value
    if isinstance(value, web.StreamResponse):
        return value
    if isinstance(value, list) and len(value) >= _LARGE_ANSWER:
        body = await asyncio.to_thread(_dump, kind, value)
    else:
        body = _dump(kind, value)
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _dump(kind: Any, value: Any) -> bytes:
    if isinstance(value, BaseModel):
        return value.model_dump_json().encode()
    if isinstance(value, dict) or (isinstance(value, list) and (not value or isinstance(value[0], dict | int))):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    found: TypeAdapter[Any] = adapter(kind)
    return found.dump_json(found.validate_python(value, from_attributes=True))


async def _json(request: web.Request) -> Any:
    raw = await request.read()
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is not text
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.") from None
    return data


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _validated(kind: Any, data: Any) -> Any:
    try:
        return adapter(kind).validate_python(data)
    except ValidationError as error:
        raise InvalidInput(issues_of(error)) from None  # its text would quote what was sent, passwords too


def _query(request: web.Request, kind: type[Model]) -> Model:
    names = list(request.query)
    if len(set(names)) != len(names):
        raise InvalidInput([Issue("query", "a parameter is given twice")])
    validated: Model = _validated(kind, dict(request.query))
    return validated
