"""A tiny certificate authority, made when a test asks for it."""

from __future__ import annotations

import datetime
import functools
import hashlib
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Issued:
    """A certificate with its key (one PEM file each), and the SHA-256 of its DER form."""

    certificate_file: Path
    key_file: Path
    fingerprint: str

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate_file, self.key_file)
        return context


class Authority:
    """Issues certificates below one root; ``root_file`` is what a client must trust.

    Without ``folder`` it has one of its own, which goes with it, at the latest when the process ends.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="gatepost-ca-") if folder is None else None
        self._folder = folder or Path(self._own.name if self._own is not None else "")
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        now = datetime.datetime.now(datetime.UTC)
        root = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=400))
            .not_valid_after(now + datetime.timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.root_file = self._folder / "root.pem"
        self.root_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        self._count = 0

    def issue(self, *names: str, expired: bool = False, not_yet: bool = False, self_signed: bool = False) -> Issued:
        """A server certificate for ``names`` (host names or addresses; default localhost and the loopback addresses)."""
        key = ec.generate_private_key(ec.SECP256R1())
        wanted = names or ("localhost", "127.0.0.1", "::1")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted[0])])
        now = datetime.datetime.now(datetime.UTC)
        begin = now + datetime.timedelta(days=10) if not_yet else now - datetime.timedelta(days=100)
        end = now - datetime.timedelta(days=3) if expired else now + datetime.timedelta(days=100)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self_signed else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in wanted]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key((key if self_signed else self._key).public_key()),
                critical=False,
            )
            .sign(key if self_signed else self._key, hashes.SHA256())
        )
        self._count += 1
        certificate_file = self._folder / f"server-{self._count}.pem"
        key_file = self._folder / f"server-{self._count}.key"
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        der = certificate.public_bytes(serialization.Encoding.DER)
        return Issued(certificate_file, key_file, hashlib.sha256(der).hexdigest())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@functools.lru_cache(maxsize=1)
def authority() -> Authority:
    """One authority for the whole test run."""
    return Authority()


@functools.lru_cache(maxsize=16)
def issued(*names: str, expired: bool = False, not_yet: bool = False, self_signed: bool = False) -> Issued:
    return authority().issue(*names, expired=expired, not_yet=not_yet, self_signed=self_signed)
