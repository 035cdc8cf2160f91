"""Relay users' passwords: a salted scrypt verifier (RFC 7914) is kept, never the password.

Form: ``scrypt$n$r$p$salt$hash``, salt and hash in base64. One computation takes 16 MiB and some 50 ms; both functions
block and belong into a thread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

_N, _R, _P = 2**14, 8, 1
_LENGTH = 32
_MAX_MEMORY = 64 * 1024 * 1024
_MAX_N = 2**16

DUMMY = "scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
"""Compared against for users that do not exist, so that a guess takes the same time either way; nothing matches it."""


def make(password: str) -> str:
    """A verifier with a fresh salt."""
    salt = secrets.token_bytes(16)
    digest = _digest(password.encode(), salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def verify(password: bytes, verifier: str) -> bool:
    """Whether ``password`` (UTF-8) is the one. A malformed verifier matches nothing."""
    try:
        kind, n, r, p, salt, expected = verifier.split("$")
        parameters = int(n), int(r), int(p)
        if kind != "scrypt" or parameters[0] > _MAX_N or parameters[1] > 16 or parameters[2] > 4:
            return False
        digest = _digest(password, base64.b64decode(salt, validate=True), *parameters)
        wanted = base64.b64decode(expected, validate=True)
    except (ValueError, binascii.Error):
        return False
    return any(wanted) and hmac.compare_digest(digest, wanted)


def _digest(password: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=_LENGTH)
