"""Whom an HTTPS client of the relay trusts."""

from __future__ import annotations

import ssl


def system_trust() -> ssl.SSLContext:
    """A client context that verifies against the system's trust store. Blocking: it reads the store."""
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
