"""How a source says that it could not judge."""

from __future__ import annotations


class SourceFailed(Exception):
    """The source has no answer; the text says why in a few words."""
