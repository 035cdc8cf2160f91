"""Server certificates: contexts built from files, off the loop; a self-signed pair where none is named."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...model.errors import GatepostError

_RENEW_DAYS = 30
_VALID_DAYS = 825


class CertificateProblem(GatepostError):
    """A certificate or key cannot be used; whatever was in use before stays."""

    code = "certificate"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate chain and its key, PEM files."""

    certificate_file: Path
    key_file: Path

    def signature(self) -> tuple[object, ...]:
        """Changes when either file does. Raises CertificateProblem when one cannot be found. Blocking."""
        found: list[object] = []
        for path in (self.certificate_file, self.key_file):
            try:
                state = path.stat()
            except OSError as error:
                raise unreadable(path, error) from error
            found += [str(path), state.st_mtime_ns, state.st_size, state.st_ino]
        return tuple(found)


def load_context(pair: Pair) -> ssl.SSLContext:
    """TLS 1.2 or later (RFC 8996). Blocking. Raises CertificateProblem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    for path in (pair.certificate_file, pair.key_file):
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise unreadable(path, error) from error
    try:
        context.load_cert_chain(pair.certificate_file, pair.key_file, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        raise CertificateProblem(
            "The certificate and key cannot be used.",
            f"{pair.certificate_file}, {pair.key_file}: {getattr(error, 'reason', None) or error}",
            "See that both are PEM files, that the key has no passphrase and that they belong together.",
        ) from error
    return context


def self_signed(folder: Path, host_name: str) -> Pair:
    """The pair kept in ``folder`` for ``host_name``; made or renewed when needed. Blocking. Raises CertificateProblem."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    pair = Pair(folder / "self-signed.pem", folder / "self-signed.key")
    try:
        if pair.certificate_file.exists() and pair.key_file.exists():
            certificate = x509.load_pem_x509_certificate(pair.certificate_file.read_bytes())
            names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            if [name.value for name in names] == [host_name[:64]] and _days_left(certificate) > _RENEW_DAYS:
                return pair
        make_pair(pair, (host_name,), _VALID_DAYS)
    except OSError as error:
        raise unreadable(folder, error) from error
    except ValueError as error:
        raise CertificateProblem(
            "The self-signed certificate cannot be read.", str(error), f"Remove the files in {folder} and start again."
        ) from error
    return pair


def _days_left(certificate: object) -> float:
    import datetime

    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)  # noqa: S101 - typed loosely to keep the import lazy
    return (certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).total_seconds() / 86_400


def make_pair(pair: Pair, names: Sequence[str], valid_days: int) -> None:
    """A new self-signed pair in the place of whatever stands there. ``names``: host names or addresses, the first one is the
    subject's. Blocking. OSError."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    alternatives: list[x509.GeneralName] = []
    for one in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(one)))
        except ValueError:
            alternatives.append(x509.DNSName(one))
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=valid_days))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pair.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    form = serialization.PrivateFormat.PKCS8
    _write(pair.key_file, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    _write(pair.certificate_file, certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(path.suffix + ".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    partial.replace(path)


def unreadable(path: Path, error: OSError) -> CertificateProblem:
    """The disk's error in words."""
    return CertificateProblem(
        "A certificate file cannot be read.",
        f"{path}: {error.strerror or error}",
        "See that the file exists and that the account of the relay may read it.",
    )
