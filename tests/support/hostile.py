"""Calls of an API that nobody means well with, made from its OpenAPI description: every operation, wrong in every place."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

TEXTS = (
    "", " ", "\0", "a\r\nb", "é" * 300, "x" * 70_000, "../../etc/passwd", "%s%n%%", "'; DROP TABLE spool; --", "null", "-1",
    "1e999", "[::1]", "\u202e", "gw-1", "*@*", "a@b.c", "127.0.0.1/0", "9" * 5000, "\ud800",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**400, 1.5, -0.0, 1e308, -1e308)
VALUES: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"": None}, [1] * 3000, *NUMBERS, *TEXTS)
PARTS = ("gw-1", "1", "0", "-1", "9" * 24, "..", "a/b", "\0", "é", "a" * 3000, "000001", "1-2", "NaN", "\ud800")
BODIES = (
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"1e999", b"NaN", b"[" * 100_000, b'{"a":1,"a":2}', b'{"x":"\\ud800"}',
    b"{}{}", b'{"x":' * 5000,
)  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")


class HostileCall(NamedTuple):
    method: str
    path: str
    body: bytes | None
    headers: dict[str, str]


class Hostility:
    """Calls of ``seed``'s choice; the same seed makes the same calls."""

    def __init__(self, document: dict[str, Any], seed: int) -> None:
        self._document = document
        self._schemas = document.get("components", {}).get("schemas", {})
        self._random = random.Random(seed)

    def round(self, without: re.Pattern[str]) -> Iterator[HostileCall]:
        """One call of each operation whose path does not match ``without``, in any order."""
        paths = self._document["paths"].items()
        operations = [(path, method, item) for path, item in paths for method in METHODS if method in item]
        self._random.shuffle(operations)
        for path, method, item in operations:
            if not without.search(path):
                yield self._call(path, method, item[method], item.get("parameters", []))

    def _call(self, path: str, method: str, operation: dict[str, Any], shared: list[dict[str, Any]]) -> HostileCall:
        chosen = self._random
        filled = re.sub(r"\{[^}]*\}", lambda _: _quoted(chosen.choice(PARTS)), path)
        query = [
            f"{one['name']}={_quoted(self._value(one.get('schema', {})))[:5000]}"
            for one in [*operation.get("parameters", []), *shared]
            if one["in"] == "query" and one["name"] != "timeout" and chosen.random() < 0.6
        ]
        if path.endswith("/wait"):
            query.append("timeout=0")
        body = None
        if "requestBody" in operation:
            described = operation["requestBody"]["content"].get("application/json", {}).get("schema", {})
            is_raw = chosen.random() < 0.08
            body = chosen.choice(BODIES) if is_raw else json.dumps(self._value(described)).encode()
        headers = {"If-Match": chosen.choice(("1", "x", '"1"', "*", "-1", "9" * 99))} if chosen.random() < 0.1 else {}
        return HostileCall(method.upper(), filled + ("?" + "&".join(query) if query else ""), body, headers)

    def _value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """Mostly what the schema says, so that it gets past the first check; something else now and then."""
        chosen = self._random
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        if chosen.random() < 0.1 or depth > 6:
            return chosen.choice(VALUES)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self._value(chosen.choice(schema[several]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return chosen.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                return [self._value(schema.get("items", {}), depth + 1) for _ in range(chosen.choice((0, 1, 2, 5)))]
            case "integer" | "number":
                return chosen.choice(NUMBERS)
            case "boolean":
                return chosen.random() < 0.5
            case "null":
                return None
            case _:
                return chosen.choice(("a", "example.org", "a@example.org", "127.0.0.1", "10.0.0.0/8", *TEXTS[:6]))

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        chosen, required = self._random, schema.get("required", [])
        found = {
            name: self._value(one, depth + 1)
            for name, one in schema.get("properties", {}).items()
            if chosen.random() < (0.95 if name in required else 0.4)
        }
        if chosen.random() < 0.05:
            found[chosen.choice(TEXTS)] = chosen.choice(VALUES)
        if isinstance(others := schema.get("additionalProperties"), dict):
            found["k"] = self._value(others, depth + 1)
        return found


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text.encode("utf-8", "surrogatepass"), safe="")
