"""The fields that say what was checked: Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 §9.1)."""

from __future__ import annotations

import re

from .message import Specimen
from .sources.authentication import Authentication, SpfCheck

_VALUE = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~@:-]+\Z")


def authentication_results(server: str, found: Authentication, specimen: Specimen) -> bytes:
    """The whole field, folded, with its line end."""
    sender = specimen.envelope.sender
    results: list[str] = []
    if found.spf is not None:
        identity = f"smtp.mailfrom={_pvalue(sender)}" if sender else f"smtp.helo={_pvalue(specimen.envelope.origin.helo)}"
        results.append(f"spf={found.spf.result.value} {identity}")
    results.extend(
        f"dkim={check.result.value} header.d={_pvalue(check.domain)} header.s={_pvalue(check.selector)}" for check in found.dkim
    )
    if found.dmarc is not None:
        policy = f" (p={found.dmarc.policy})" if found.dmarc.policy else ""
        results.append(f"dmarc={found.dmarc.result.value}{policy} header.from={_pvalue(found.dmarc.domain)}")
    text = ";\r\n\t".join((server, *(results or ["none"])))
    return f"Authentication-Results: {text}\r\n".encode("ascii", "replace")


def received_spf(server: str, check: SpfCheck, specimen: Specimen) -> bytes:
    origin = specimen.envelope.origin
    pairs = [
        ("receiver", server),
        ("client-ip", origin.client),
        ("envelope-from", specimen.envelope.sender),
        ("helo", origin.helo),
    ]
    text = ";\r\n\t".join(f"{name}={_pvalue(value)}" for name, value in pairs)
    return f"Received-SPF: {check.result.value}\r\n\t{text}\r\n".encode("ascii", "replace")


def _pvalue(text: str) -> str:
    """A value as it may stand in these fields: bare where it is harmless, else quoted printable ASCII."""
    if _VALUE.match(text):
        return text
    cleaned = re.sub(r'[^\x20-\x7e]|["\\]', "?", text[:255])
    return f'"{cleaned}"'
