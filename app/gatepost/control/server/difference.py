"""What two configurations do not share. Pure; works on plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..schema import Difference


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[Difference, ...]:
    """Lists of objects with an ``id`` are compared by id, everything else by value. In the order of ``after``."""
    return tuple(_compare("", before, after))


def _compare(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _compare_objects(path, before, after)
    elif _has_ids(before) and _has_ids(after) and (before or after):
        yield from _compare_lists(path, before, after)
    else:
        yield Difference(path=path, kind="changed", before=before, after=after)


def _compare_objects(path: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    for key in (*after, *(key for key in before if key not in after)):
        inner = f"{path}.{key}" if path else key
        if key not in before:
            yield Difference(path=inner, kind="added", after=after[key])
        elif key not in after:
            yield Difference(path=inner, kind="removed", before=before[key])
        else:
            yield from _compare(inner, before[key], after[key])


def _compare_lists(path: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[Difference]:
    old = {item["id"]: item for item in before}
    new = {item["id"]: item for item in after}
    for key, item in new.items():
        if key not in old:
            yield Difference(path=f"{path}[{key}]", kind="added", after=item)
        else:
            yield from _compare(f"{path}[{key}]", old[key], item)
    for key, item in old.items():
        if key not in new:
            yield Difference(path=f"{path}[{key}]", kind="removed", before=item)
    kept_before, kept_after = [key for key in old if key in new], [key for key in new if key in old]
    if kept_before != kept_after:
        yield Difference(path=path, kind="moved", before=kept_before, after=kept_after)


def _has_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and "id" in item for item in value)
