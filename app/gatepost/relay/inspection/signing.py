"""DKIM signing (RFC 6376, RFC 8463) of what our own users send, with dkimpy, in a thread."""

from __future__ import annotations

import base64

from ...model.dkim import DkimAlgorithm, DkimKey
from ...model.secret import Secret

SIGNED_FIELDS = (
    b"from", b"sender", b"reply-to", b"subject", b"date", b"message-id", b"to", b"cc", b"mime-version", b"content-type",
    b"content-transfer-encoding", b"in-reply-to", b"references", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
"""Fields whose change would change what a reader sees. ``From`` is signed once more than it occurs, so that none is added."""


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
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Secret(pem), base64.b64encode(public).decode()


def signature(content: bytes, key: DkimKey, private: Secret) -> bytes:
    """The ``DKIM-Signature`` field to put on top, with its line end. Blocking.

    Raises ValueError when the message cannot be signed (no From field, an unusable key).
    """
    import dkim

    name = b"ed25519-sha256" if key.algorithm is DkimAlgorithm.ED25519 else b"rsa-sha256"
    signer = dkim.DKIM(content, signature_algorithm=name)
    present = {field.lower() for field, _ in signer.headers}
    include = [field for field in SIGNED_FIELDS if field in present] + [b"from"]
    try:
        made = signer.sign(
            key.selector.encode(),
            key.domain.encode(),
            private.reveal().encode(),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=include,
        )
    except dkim.DKIMException as error:
        raise ValueError(str(error)) from error
    return bytes(made)
