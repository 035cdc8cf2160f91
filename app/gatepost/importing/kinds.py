"""The servers whose files can be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from . import hmailserver, iis, smartermail
from .postfix import importer as postfix
from .proposal import Proposal, SourceFile


class ImportKind(StrEnum):
    POSTFIX = "postfix"
    HMAILSERVER = "hmailserver"
    IIS = "iis"
    SMARTERMAIL = "smartermail"


_READERS: dict[ImportKind, Callable[[Sequence[SourceFile]], Proposal]] = {
    ImportKind.POSTFIX: postfix.propose,
    ImportKind.HMAILSERVER: hmailserver.propose,
    ImportKind.IIS: iis.propose,
    ImportKind.SMARTERMAIL: smartermail.propose,
}


def propose(kind: ImportKind, files: Sequence[SourceFile]) -> Proposal:
    """What these files mean. Raises InvalidInput when they are not of this server."""
    return _READERS[kind](files)
