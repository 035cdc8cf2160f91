"""TLS towards next hops: contexts for each way of checking a certificate, and its failures in words.

TLS 1.2 at least (RFC 8996). System trust is the operating system's own verifier on Windows and macOS (truststore) and
OpenSSL's default store elsewhere.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...model.gateway import CertificateCheck, Encryption
from ..common.hop import NextHop
from .values import FailureKind, HopFailure, Stage, TlsState

_EXPIRED = 10
_NOT_YET_VALID = 9
_SELF_SIGNED = (18, 19)
_NO_ISSUER = (2, 20, 21)
_WRONG_NAME = (62, 64)


def enforced_check(hop: NextHop) -> CertificateCheck:
    """How this hop's certificate is really checked."""
    return hop.certificate.enforced(hop.encryption)


class TlsContexts:
    """Made once for each kind of check, off the loop (reading a trust store takes tens of milliseconds)."""

    def __init__(self, trust_file: Path | None = None) -> None:
        """``trust_file``: trust the authorities in this PEM file instead of the system's."""
        self._trust_file = trust_file
        self._made: dict[bool, ssl.SSLContext] = {}

    async def for_check(self, check: CertificateCheck) -> ssl.SSLContext:
        verifies = check is CertificateCheck.SYSTEM_TRUST
        if (found := self._made.get(verifies)) is None:
            found = await asyncio.to_thread(self._verifying if verifies else _accepting)
            self._made[verifies] = found
        return found

    def _verifying(self) -> ssl.SSLContext:
        if self._trust_file is None and (sys.platform in ("win32", "darwin") or getattr(sys, "frozen", False)):
            import truststore

            context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        else:
            context = ssl.create_default_context(cafile=str(self._trust_file) if self._trust_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _accepting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_state(hop: NextHop, ssl_object: ssl.SSLObject | ssl.SSLSocket) -> TlsState:
    """What was negotiated. Raises HopFailure when the hop pins another certificate."""
    check = enforced_check(hop)
    cipher = ssl_object.cipher()
    state = TlsState(
        ssl_object.version() or "",
        cipher[0] if cipher else "",
        ssl_object.getpeercert(binary_form=True) or b"",
        check is not CertificateCheck.NONE,
    )
    if check is CertificateCheck.FINGERPRINT and state.fingerprint != hop.certificate.fingerprint:
        raise HopFailure(
            Stage.TLS,
            FailureKind.CERTIFICATE,
            "The server shows another certificate than the one that is accepted.",
            f"Its SHA-256 fingerprint is {state.fingerprint}; accepted is {hop.certificate.fingerprint}.",
            "If the server's certificate was renewed, verify the connection again and accept the new fingerprint.",
        )
    return state


def tls_failure(hop: NextHop, error: ssl.SSLError) -> HopFailure:
    """A failed handshake in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_failure(hop, error)
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if "wrong version number" in reason or "record layer failure" in reason or "http request" in reason:
        if hop.encryption is Encryption.IMPLICIT:
            hint = "This port speaks unencrypted SMTP first: choose STARTTLS (usually port 587 or 25), or port 465."
        else:
            hint = "Something between here and the server interferes with STARTTLS; ask the server's administrator."
        return HopFailure(Stage.TLS, FailureKind.TLS, "The other side does not speak TLS here.", f"({reason})", hint)
    if "protocol version" in reason or "unsupported protocol" in reason:
        return HopFailure(
            Stage.TLS,
            FailureKind.TLS,
            "The server offers only TLS versions that are no longer safe.",
            f"At least TLS 1.2 is needed. ({reason})",
            "The server must be updated.",
        )
    return HopFailure(
        Stage.TLS,
        FailureKind.TLS,
        "The TLS handshake failed.",
        f"OpenSSL says: {reason}.",
        "Check that port and encryption belong together (587 with STARTTLS, 465 with TLS from the start).",
    )


def _certificate_failure(hop: NextHop, error: ssl.SSLCertVerificationError) -> HopFailure:
    code = getattr(error, "verify_code", 0)
    said = (getattr(error, "verify_message", "") or str(error)).rstrip(".")
    if code == _EXPIRED:
        title, hint = "The server's certificate has expired.", "The server's administrator must renew it."
    elif code == _NOT_YET_VALID:
        title, hint = "The server's certificate is not valid yet.", "Check this computer's date and time."
    elif code in _SELF_SIGNED:
        title = "The server's certificate is self-signed: nobody vouches for it."
        hint = "If you know the server, accept this certificate by its fingerprint."
    elif code in _NO_ISSUER:
        title = "The server's certificate comes from an authority that this computer does not trust."
        hint = "Trust that authority on this computer, or accept this certificate by its fingerprint."
    elif code in _WRONG_NAME:
        title = f"The server's certificate is not for “{hop.host}”."
        hint = "Enter the name that the certificate is for, or accept this certificate by its fingerprint."
    else:
        title = "The server's certificate is not accepted."
        hint = "If you know the server, accept this certificate by its fingerprint."
    return HopFailure(Stage.TLS, FailureKind.CERTIFICATE, title, f"({said})", hint)


@dataclass(frozen=True, slots=True)
class CertificateDescription:
    """A certificate as people read it."""

    subject: str
    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str


def describe_certificate(state: TlsState) -> CertificateDescription | None:
    """Parse the certificate; None when it cannot be parsed. Imports ``cryptography`` when called."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(state.certificate)
        try:
            extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = tuple(str(name.value) for name in extension)
        except x509.ExtensionNotFound:
            names = ()
        return CertificateDescription(
            certificate.subject.rfc4514_string(),
            names,
            certificate.issuer.rfc4514_string(),
            certificate.not_valid_before_utc.astimezone(UTC),
            certificate.not_valid_after_utc.astimezone(UTC),
            state.fingerprint,
        )
    except ValueError:
        return None
