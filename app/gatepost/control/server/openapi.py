"""The API's description, generated from the route table and the models (OpenAPI 3.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from ... import __version__
from ..schema import ErrorReply
from .call import adapter

if TYPE_CHECKING:
    from .routes import Route

_PLACE = re.compile(r"\{(\w+)(?::[^}]*\}?[^}]*)?\}")
Mode = Literal["validation", "serialization"]


def document(routes: Sequence[Route]) -> dict[str, Any]:
    wanted = {_key(ErrorReply, "serialization"): ErrorReply}
    for route in routes:
        wanted[_key(route.answer, "serialization")] = route.answer
        if route.body is not None:
            wanted[_key(route.body, "validation")] = route.body
    inputs = [(name, mode, adapter(kind)) for (name, mode), kind in wanted.items()]
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gatepost control API", "version": __version__},
        "paths": paths,
        "components": {"schemas": definitions.get("$defs", {})},
    }


def plain_path(path: str) -> str:
    """``/v1/secrets/{name:.+}`` as ``/v1/secrets/{name}``."""
    return _PLACE.sub(r"{\1}", path)


def _key(kind: Any, mode: Mode) -> tuple[str, Mode]:
    return repr(kind), mode


def _operation(route: Route, schemas: Any) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _PLACE.findall(route.path)
    ]
    query = route.query.model_json_schema()
    for name, part in query.get("properties", {}).items():
        parameters.append({"name": name, "in": "query", "required": False, "schema": part})
    if route.is_change:
        words = "The configuration's revision that the change was made for; another one is a conflict."
        parameters.append(
            {"name": "If-Match", "in": "header", "required": False, "description": words, "schema": {"type": "string"}}
        )
    failure = {
        "description": "Refused or failed.",
        "content": _content("application/json", schemas[_key(ErrorReply, "serialization")]),
    }
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": re.sub(r"\W+", "-", f"{route.method.lower()}{plain_path(route.path)}").strip("-"),
        "parameters": parameters,
        "responses": {"default": failure},
    }
    if route.form == "websocket":
        operation["responses"]["101"] = {"description": "WebSocket: a Snapshot, then EventMessages, as JSON texts."}
    else:
        answer = schemas[_key(route.answer, "serialization")]
        operation["responses"]["200"] = {"description": "Done.", "content": _content(route.form.value, answer)}
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": _content("application/json", schemas[_key(route.body, "validation")]),
        }
    return operation


def _content(kind: str, schema: Any) -> dict[str, Any]:
    return {kind: {"schema": schema}}
