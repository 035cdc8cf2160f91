"""What an import understood: parts that can be taken over, and a line about everything that was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from ..model.secret import Secret


class SourceFile(NamedTuple):
    """A configuration file as text. ``name`` as its server calls it, such as ``/etc/postfix/main.cf``."""

    name: str
    text: str


class Place(NamedTuple):
    file: str
    line: int = 0
    """From 1; 0 where the file as a whole is meant."""


class FindingKind(StrEnum):
    UNDERSTOOD = "understood"
    LEFT_OUT = "left-out"
    DECIDE = "decide"
    """Taken over in a way that a person should look at, or not taken over because only a person knows."""


class Finding(NamedTuple):
    kind: FindingKind
    place: Place
    text: str


class PartKind(StrEnum):
    GATEWAY = "gateway"
    DOMAIN = "domain"
    NETWORK = "network"
    LISTENER = "listener"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to take over. ``value`` is an object of the configuration in plain data; for a setting, the value itself."""

    key: str
    """``gateway:gw-0a1b2c3d``, ``setting:spool.lifetime_hours``: the same whenever the same files are read."""
    kind: PartKind
    title: str
    value: Any
    place: Place
    chosen: bool = True
    """Taken over unless a person says otherwise."""
    needs: tuple[str, ...] = ()
    """Keys of parts that it is nothing without."""


@dataclass(frozen=True, slots=True)
class Proposal:
    source: str
    parts: tuple[Part, ...] = ()
    findings: tuple[Finding, ...] = ()
    wanted: tuple[str, ...] = ()
    """Files that the ones given point to and that were not given."""
    secrets: dict[str, Secret] = field(default_factory=dict, repr=False)
    """Passwords that were found, by their name in the vault. Never part of what is shown."""
