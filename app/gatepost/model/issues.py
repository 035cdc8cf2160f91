"""Pydantic's errors as issues by field, with paths that a form or a caller of the API can follow."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from .errors import Issue


def issues_of(error: ValidationError, root: Any) -> list[Issue]:
    """Every error as an issue. ``root`` is the type that was validated: a model, or an annotation such as ``Gateway``.

    In pydantic's locations a choice among models takes a part of its own, the chosen kind. It names no field of the data, so
    it is left out; which parts those are is read off ``root``, because a kind may bear the name of a field.
    """
    found: list[Issue] = []
    for item in error.errors(include_url=False, include_input=False):
        context = item.get("ctx") or {}
        path = field_path(item["loc"], root)
        if item["type"] == "inconsistent":
            found.extend(Issue(".".join(filter(None, (path, field))), text, code) for field, text, code in context["issues"])
        elif item["type"] in ("union_tag_not_found", "union_tag_invalid"):
            field = str(context["discriminator"]).strip("'")
            choices = ", ".join(_tags_at(item["loc"], root))
            found.append(Issue(".".join(filter(None, (path, field))), f"choose one of: {choices}", item["type"]))
        else:
            found.append(Issue(path, _words(item["type"], context) or _plain_words(item["msg"]), item["type"]))
    return found


def _words(kind: str, context: dict[str, Any]) -> str:
    """Pydantic's own checks in words for the person who typed; empty for those that no person meets."""
    if kind in ("int_parsing", "int_type", "int_from_float"):
        return "write a whole number"
    if kind in ("float_parsing", "float_type", "finite_number"):
        return "write a number"
    if kind == "missing" or (kind in ("too_short", "string_too_short") and context.get("min_length") == 1):
        return "this is needed"
    limits = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
    if kind in limits:
        words = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
        limit = context[limits[kind]]
        return words[limits[kind]].format(int(limit) if float(limit).is_integer() else limit)
    return ""


def _plain_words(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def field_path(loc: tuple[int | str, ...], root: Any) -> str:
    """A location as a dotted path of the data, such as ``gateways.0.spam.high.text``."""
    return ".".join(_walk(loc, root)[0])


def _walk(loc: tuple[int | str, ...], root: Any) -> tuple[list[str], Any]:
    """The parts that name data, and the type that they lead to (None where it is not known)."""
    path: list[str] = []
    kind = _bare(root)
    for part in loc:
        if (choices := _choices(kind)) and part in choices:
            kind = choices[part]
            continue
        path.append(str(part))
        kind = _bare(_member(kind, part))
    return path, kind


def _tags_at(loc: tuple[int | str, ...], root: Any) -> list[str]:
    return [str(tag) for tag in _choices(_walk(loc, root)[1])]


def _bare(kind: Any) -> Any:
    """The type without what pydantic puts around it: metadata (but for a discriminator) and “or None”."""
    if isinstance(kind, FieldInfo):
        return kind if kind.discriminator else _bare(kind.annotation)
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *metadata = get_args(kind)
        tagged = next((m for m in metadata if isinstance(m, FieldInfo) and m.discriminator), None)
        return FieldInfo(annotation=inner, discriminator=tagged.discriminator) if tagged else _bare(inner)
    if origin in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        return _bare(members[0]) if len(members) == 1 else kind
    return kind


def _choices(kind: Any) -> dict[int | str, type[BaseModel]]:
    """For a choice among models: the model by the tag that stands in a location."""
    if not isinstance(kind, FieldInfo) or not isinstance(kind.discriminator, str):
        return {}
    found: dict[int | str, type[BaseModel]] = {}
    for model in get_args(kind.annotation):
        annotation = model.model_fields[kind.discriminator].annotation
        if get_origin(annotation) is Literal:
            found.update({str(tag): model for tag in get_args(annotation)})
    return found


def _member(kind: Any, part: int | str) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_fields.get(str(part))
    if isinstance(part, int) and get_origin(kind) in (tuple, list):
        arguments = get_args(kind)
        return arguments[0] if len(arguments) < 3 or arguments[1] is Ellipsis else None
    return None
