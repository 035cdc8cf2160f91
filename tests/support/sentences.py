"""The sentences for people that the sources of a package hold, with something in place of what they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import islice, product
from pathlib import Path

FILLS = (
    "gateway", "7", "mx.example.org", "a name", "2026-01-31 10:00", "2026-01-31 10:00 UTC", "2026-01-31", "5 s", "ends",
    "192.0.2.1 on port 25", "not encrypted", "is disabled", "is tried", "The certificate for mx.example.org", "", " (a name)",
)  # fmt: skip
_MOST = 4000
Known = Mapping[str, list[ast.expr]]
_SENTENCE = re.compile(r"[A-Z“{].* .*[^.]\.", re.DOTALL)
_SILENT = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log", "mark", "execute", "ValueError",
                     "TypeError", "RuntimeError", "AssertionError", "KeyError", "LookupError", "field_error", "Issue",
                     "PydanticCustomError", "NotImplementedError", "Field", "AddressError", "ProxyError"})  # fmt: skip
"""Calls whose texts nobody is shown as they are: logs, mistakes of the program, and what belongs to a field."""


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text; places are ``{}`` where their text is not known."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            known.setdefault(node.targets[0].id, []).append(node.value)
    yield from _walk(tree, known)


def _walk(node: ast.AST, known: Known) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
        if name in _SILENT:
            return
    if isinstance(node, ast.JoinedStr | ast.Constant):
        for text in texts(node, known):
            if _SENTENCE.fullmatch(text) and not text.startswith(("CREATE", "SELECT", "INSERT", "UPDATE", "DELETE", "{}: {}")):
                yield node.lineno, text
        return
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, known)


def texts(node: ast.AST, known: Known = {}) -> Iterator[str]:  # noqa: B006
    """What an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body, known)
        yield from texts(node.orelse, known)
    elif isinstance(node, ast.Name):
        for value in known.get(node.id, ()):
            if isinstance(value, ast.Constant | ast.JoinedStr | ast.IfExp):
                yield from texts(value, {name: values for name, values in known.items() if name != node.id})
    elif isinstance(node, ast.JoinedStr):
        parts = [
            list(texts(part.value, known)) or ["{}"] if isinstance(part, ast.FormattedValue) else list(texts(part, known))
            for part in node.values
        ]
        for choice in product(*parts):
            yield "".join(choice)


def filled(text: str) -> Iterator[str]:
    """The text with its places filled in, in every way."""
    parts = text.split("{}")
    for choice in islice(product(FILLS, repeat=len(parts) - 1), _MOST):
        yield "".join(part + fill for part, fill in zip(parts, (*choice, ""), strict=True))
