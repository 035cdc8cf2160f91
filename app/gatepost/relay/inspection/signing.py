"""DKIM signing (RFC 6376, RFC 8463) of what our own users send: making keys, making the signature field.

The arithmetic is cryptography's, which lets other threads run meanwhile; dkimpy's own takes 17 ms of the interpreter for
each RSA signature. dkimpy verifies ours in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.dkim import DkimAlgorithm, DkimKey
from ...model.secret import Secret
from .body_hash import Canonical, body_hashes
from .message import HeaderField, Specimen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SIGNED_FIELDS = (
    "from", "sender", "reply-to", "subject", "date", "message-id", "to", "cc", "mime-version", "content-type",
    "content-transfer-encoding", "in-reply-to", "references", "list-id", "list-unsubscribe", "list-unsubscribe-post",
)  # fmt: skip
"""Fields whose change would change what a reader sees. ``From`` is signed once more than it occurs, so that none is added."""

_RELAXED = Canonical(is_relaxed=True)
_BLANKS = re.compile(rb"[ \t]+")
_FOLD = 72
DKIM_FIELD = re.compile(rb"^DKIM-Signature:", re.MULTILINE)
"""As our own fields begin."""
_OUR_TIME = re.compile(rb"DKIM-Signature: v=1; [^\r\n]*\r\n\tt=(\d{1,15});")


@dataclass(frozen=True)
class Signer:
    """A key that is ready to sign: as configured, and its private half."""

    key: DkimKey
    private: RSAPrivateKey | Ed25519PrivateKey

    def sign(self, data: bytes) -> bytes:
        """Over the SHA-256 of the canonicalised header fields (RFC 6376 §3.7, RFC 8463 §3)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(hashlib.sha256(data).digest())
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.private.sign(data, PKCS1v15(), SHA256())


def make_key(algorithm: DkimAlgorithm) -> tuple[Secret, str]:
    """A new private key as the vault keeps it, and the public one as DNS shows it. Blocking: about 0.1 s for RSA."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    if algorithm is DkimAlgorithm.ED25519:
        edwards = ed25519.Ed25519PrivateKey.generate()
        private = base64.b64encode(edwards.private_bytes_raw()).decode()
        return Secret(private), base64.b64encode(edwards.public_key().public_bytes_raw()).decode()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()
    return Secret(pem), _public_text(key)


def load_key(key: DkimKey, private: Secret) -> Signer:
    """Raises ValueError when the private key cannot be used, or is not the one of the shown record."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    loaded: object
    if key.algorithm is DkimAlgorithm.ED25519:
        loaded = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private.reveal()))
    else:
        loaded = serialization.load_pem_private_key(private.reveal().encode(), None)
    if not isinstance(loaded, Ed25519PrivateKey | RSAPrivateKey):
        raise ValueError("the private key is of another kind")
    if _public_text(loaded) != key.public_key:
        raise ValueError("the private key in the vault does not belong to the public key that is shown")
    return Signer(key, loaded)


def _public_text(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if isinstance(key, Ed25519PrivateKey):
        return base64.b64encode(key.public_key().public_bytes_raw()).decode()
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()


def signatures(specimen: Specimen, signers: Sequence[Signer], clock: Callable[[], float] = time.time) -> bytes:
    """The ``DKIM-Signature`` fields to put on top, with their line ends. Blocking; the body is read once, never held.

    Raises ValueError when there is no From field.
    """
    fields = specimen.fields
    if not any(field.name == "from" for field in fields):
        raise ValueError("the message has no From field")
    body = body_hashes(specimen.blocking_chunks(), (_RELAXED,))[_RELAXED]
    now = int(clock())
    return b"".join(_field(signer, fields, body, now) for signer in signers)


def made_by(signers: Sequence[Signer], specimen: Specimen) -> list[bytes]:
    """The fields of the message that these keys made, and for just this content. Blocking.

    Both algorithms come to the same signature for the same content and time, so that making it again tells.
    """
    stamped = [(field.raw, int(found[1])) for field in specimen.fields if (found := _OUR_TIME.match(field.raw))]
    if not signers or not stamped:
        return []
    body = body_hashes(specimen.blocking_chunks(), (_RELAXED,))[_RELAXED]
    return [raw for raw, at in stamped if any(_field(signer, specimen.fields, body, at) == raw for signer in signers)]


def _field(signer: Signer, fields: Sequence[HeaderField], body: str, now: int) -> bytes:
    key = signer.key
    present = {field.name for field in fields}
    names = [name for name in SIGNED_FIELDS if name in present] + ["from"]
    algorithm = "ed25519-sha256" if key.algorithm is DkimAlgorithm.ED25519 else "rsa-sha256"
    tags = f"v=1; a={algorithm}; c=relaxed/relaxed; d={key.domain}; s={key.selector};"
    unsigned = f"DKIM-Signature: {tags}\r\n\tt={now}; bh={body};\r\n\th={_folded(names)};\r\n\tb=".encode("ascii")
    data = b"".join(_last_of(fields, names)) + _relaxed(unsigned).removesuffix(b"\r\n")
    made = base64.b64encode(signer.sign(data))
    lines = [made[start : start + _FOLD] for start in range(0, len(made), _FOLD)]
    return unsigned + b"\r\n\t".join(lines) + b"\r\n"


def _last_of(fields: Sequence[HeaderField], names: Iterable[str]) -> Iterable[bytes]:
    """RFC 6376 §5.4.2: a name stands for its lowest field that was not named yet; a name too many stands for nothing."""
    left: dict[str, list[bytes]] = {}
    for field in fields:
        left.setdefault(field.name, []).append(field.raw)
    for name in names:
        if known := left.get(name):
            yield _relaxed(known.pop())


def _relaxed(raw: bytes) -> bytes:
    """RFC 6376 §3.4.2."""
    name, _, value = raw.partition(b":")
    unfolded = _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip(b" \t").lower() + b":" + unfolded + b"\r\n"


def _folded(names: Sequence[str]) -> str:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > _FOLD:
            lines.append("")
        lines[-1] += name + ":"
    return "\r\n\t ".join(lines).removesuffix(":")
