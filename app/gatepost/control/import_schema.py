"""Coming from another server, in the control API: its files, what was found in them, what is taken over."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr

from ..model.fields import Line, Model
from .schema import Answer


class ImportFile(Model):
    """A configuration file of the other server. ``text`` may hold passwords: it is neither kept nor shown."""

    name: Annotated[Line, Field(min_length=1)]
    """As its server calls it, with the folder where that is known: other files may point to it."""
    text: SecretStr


class ImportPreviewRequest(Model):
    files: Annotated[tuple[ImportFile, ...], Field(min_length=1, max_length=500)]


class ForeignImportRequest(ImportPreviewRequest):
    parts: Annotated[tuple[Line, ...], Field(max_length=10_000)] | None = None
    """Keys of the parts to take over; null: all that the preview has as chosen."""


class ImportPlace(Answer):
    file: str
    line: int = 0


class ImportFinding(Answer):
    """A line about something that was read: ``understood``, ``left-out`` or ``decide``."""

    kind: str
    place: ImportPlace
    text: str


class ImportPart(Answer):
    """One thing that can be taken over. ``value`` is the object as it would stand in the configuration."""

    key: str
    kind: str
    title: str
    value: Any = None
    place: ImportPlace
    chosen: bool = True
    needs: tuple[str, ...] = ()


class ImportProposal(Answer):
    source: str
    parts: tuple[ImportPart, ...] = ()
    findings: tuple[ImportFinding, ...] = ()
    wanted: tuple[str, ...] = ()
    """Files that those given point to."""
    passwords: tuple[str, ...] = ()
    """Names in the vault under which passwords that were found would be stored."""
