"""Points from the envelope and the header alone: null sender, and scores that a trusted scanner wrote."""

from __future__ import annotations

import re

from ....model.network import AddressSet, parse_ip
from ....model.spam import ScannerHeaderSource, WeighedSource
from ..message import Specimen
from ..scoring import Points

SCORE_HEADERS = ("x-smartermail-totalspamweight", "x-spam-score")
LEVEL_HEADER = "x-spam-level"
_NUMBER = re.compile(r"-?\d{1,4}(?:\.\d{1,3})?")


def null_sender(specimen: Specimen, source: WeighedSource) -> Points | None:
    """Mail from ``<>`` (bounces, and much that pretends to be one)."""
    return None if specimen.envelope.sender else Points("null sender", source.weight)


def is_trusted_scanner(specimen: Specimen, source: ScannerHeaderSource) -> bool:
    client = specimen.envelope.origin.client
    return bool(client) and source.enabled and parse_ip(client) in AddressSet(source.trusted_addresses)


def scanner_headers(specimen: Specimen, source: ScannerHeaderSource) -> Points | None:
    """What a scanner in front of us found. Believed only from its own address; the topmost field counts."""
    if not is_trusted_scanner(specimen, source):
        return None
    for name in SCORE_HEADERS:
        for value in specimen.values(name)[:1]:
            if (match := _NUMBER.match(value)) is not None:
                return Points("scanner headers", float(match[0]) * source.weight, f"{name}: {match[0]}")
    for value in specimen.values(LEVEL_HEADER)[:1]:
        stars = len(value) - len(value.lstrip("*"))
        if stars:
            return Points("scanner headers", stars * source.weight, f"{LEVEL_HEADER}: {stars} stars")
    return None
