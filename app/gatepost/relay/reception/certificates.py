"""What a person wants to know of a server certificate: whose it is, how long it is valid, whether it can be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ...model.errors import GatepostError
from ...model.report import CertificateReport
from .tls import CertificateProblem, Pair, load_context, unreadable


def describe(pair: Pair, *, listener: str = "") -> CertificateReport:
    """Blocking. What is wrong with the pair is part of the answer, not an error."""
    report = CertificateReport(listener, str(pair.certificate_file), str(pair.key_file))
    try:
        report = replace(report, **_read(pair.certificate_file))
        load_context(pair)
    except GatepostError as error:
        return replace(report, problem=f"{error.title} {error.detail}", hint=error.hint)
    return report


def _read(path: Path) -> dict[str, Any]:
    """The first certificate of the chain: the server's own. Raises CertificateProblem."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise CertificateProblem(
            "This is no certificate.", f"{path} holds none in PEM form.", "Choose the file with the certificate chain."
        ) from error
    names: tuple[str, ...] = ()
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = extension.get_values_for_type(x509.IPAddress)
        names = (*extension.get_values_for_type(x509.DNSName), *(str(address) for address in addresses))
    except x509.ExtensionNotFound:
        pass  # a certificate of old, with a common name alone
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "names": names,
        "not_before": certificate.not_valid_before_utc.timestamp(),
        "not_after": certificate.not_valid_after_utc.timestamp(),
        "fingerprint": certificate.fingerprint(hashes.SHA256()).hex(),
        "is_self_signed": certificate.subject == certificate.issuer,
    }
