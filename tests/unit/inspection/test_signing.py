"""What we sign, others can verify with the record that we show."""

from __future__ import annotations

import base64
import hashlib
import re
import time

import dkim
import dkim.canonicalization
import pytest

from gatepost.model.dkim import DkimAlgorithm, DkimKey
from gatepost.model.envelope import Envelope, Recipient
from gatepost.relay.inspection.body_hash import Canonical, body_hashes
from gatepost.relay.inspection.message import Specimen
from gatepost.relay.inspection.signing import load_key, make_key, signatures
from gatepost.relay.inspection.sources.authentication import AuthResult, check_dkim
from gatepost.relay.inspection.sources.dns import Answer

MESSAGE = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: Hello\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n\r\nDear Bob,\r\n..dots and  blanks \r\n\r\n\r\n"
)


def specimen(content: bytes) -> Specimen:
    return Specimen(Envelope("ann@example.com", (Recipient("bob@example.org"),)), content, content)


@pytest.mark.parametrize("algorithm", list(DkimAlgorithm))
def test_a_signature_verifies_with_the_shown_record_and_a_changed_message_does_not(algorithm: DkimAlgorithm) -> None:
    private, public = make_key(algorithm)
    key = DkimKey(domain="example.com", selector="s1", algorithm=algorithm, public_key=public)
    zone = {key.record_name: key.record_text}

    def lookup(name: str, _kind: str) -> Answer:
        return Answer((zone[name],) if name in zone else ())

    signed = signatures(specimen(MESSAGE), [load_key(key, private)]) + MESSAGE
    (check,) = check_dkim(specimen(signed), lookup)
    assert (check.result, check.domain, check.selector) == (AuthResult.PASS, "example.com", "s1")
    assert dkim.verify(signed, dnsfunc=lambda name, timeout=5: zone[name.decode().rstrip(".")].encode())
    (changed,) = check_dkim(specimen(signed.replace(b"Dear Bob", b"Dear Eve")), lookup)
    assert (changed.result, changed.reason) == (AuthResult.FAIL, "the body was changed")
    (retitled,) = check_dkim(specimen(signed.replace(b"Subject: Hello", b"Subject: Halo")), lookup)
    assert retitled.result is AuthResult.FAIL
    (second_from,) = check_dkim(specimen(b"From: eve@example.net\r\n" + signed), lookup)
    assert second_from.result is AuthResult.FAIL
    (respaced,) = check_dkim(specimen(signed.replace(b"Dear Bob", b"Dear \t Bob")), lookup)
    assert respaced.result is AuthResult.PASS


def test_two_keys_of_a_domain_both_sign() -> None:
    pairs = [make_key(algorithm) for algorithm in DkimAlgorithm]
    keys = [
        DkimKey(domain="example.com", selector=f"s{number}", algorithm=algorithm, public_key=public)
        for number, (algorithm, (_, public)) in enumerate(zip(DkimAlgorithm, pairs, strict=True))
    ]
    zone = {key.record_name: key.record_text for key in keys}
    signers = [load_key(key, private) for key, (private, _) in zip(keys, pairs, strict=True)]
    signed = signatures(specimen(MESSAGE), signers) + MESSAGE
    checks = check_dkim(specimen(signed), lambda name, _kind: Answer((zone[name],)))
    assert [(check.selector, check.result) for check in checks] == [("s0", AuthResult.PASS), ("s1", AuthResult.PASS)]


def test_a_private_key_that_does_not_belong_to_the_record_is_refused() -> None:
    private, _ = make_key(DkimAlgorithm.ED25519)
    _, other = make_key(DkimAlgorithm.ED25519)
    key = DkimKey(domain="example.com", algorithm=DkimAlgorithm.ED25519, public_key=other)
    with pytest.raises(ValueError, match="does not belong"):
        load_key(key, private)


def test_a_message_without_a_from_field_is_not_signed() -> None:
    private, public = make_key(DkimAlgorithm.ED25519)
    signer = load_key(DkimKey(domain="example.com", algorithm=DkimAlgorithm.ED25519, public_key=public), private)
    with pytest.raises(ValueError, match="no From"):
        signatures(specimen(b"Subject: x\r\n\r\nbody\r\n"), [signer])


def test_a_borrowed_signature_under_an_odd_name_does_not_vouch_for_another_body() -> None:
    """Two readings of the header must never be mixed: one that names the body's hash, another that is verified."""
    private, public = make_key(DkimAlgorithm.ED25519)
    key = DkimKey(domain="example.com", selector="s1", algorithm=DkimAlgorithm.ED25519, public_key=public)
    field = signatures(specimen(MESSAGE), [load_key(key, private)])
    head, _, _ = MESSAGE.partition(b"\r\n\r\n")
    forged = head + b"\r\n\r\nPay Eve.\r\n"
    hashed = body_hashes([forged], [Canonical(True)])[Canonical(True)].encode()
    odd = re.sub(rb"bh=[^;]+;", b"bh=" + hashed + b";", field).replace(b"DKIM-Signature:", b"DKIM-Signature :")
    for message in (odd + field + forged, field + odd + forged, odd + forged):
        checks = check_dkim(specimen(message), lambda name, _kind: Answer((key.record_text,)))
        assert all(check.result is not AuthResult.PASS for check in checks)


@pytest.mark.parametrize("relaxed", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"\r\n", b"\r\n\r\n", b" \t\r\n\r\n", b"a", b"a\r\n", b"a \r\n\r\n",
        b"\r\n\r\na  b\t c \r\n \r\nx\r\n\t\r\n\r\n",
    ],
)  # fmt: skip
def test_the_body_hash_is_the_one_that_dkimpy_finds_however_the_body_is_cut(relaxed: bool, body: bytes) -> None:
    rules = dkim.canonicalization.Relaxed if relaxed else dkim.canonicalization.Simple
    expected = base64.b64encode(hashlib.sha256(rules.canonicalize_body(body)).digest()).decode()
    message = b"A: b\r\n\r\n" + body
    for size in (1, 2, 3, 7, 100):
        chunks = [message[start : start + size] for start in range(0, len(message), size)]
        assert body_hashes(chunks, [Canonical(relaxed)])[Canonical(relaxed)] == expected, size


def test_a_body_of_blanks_takes_no_time_and_its_limit_is_kept() -> None:
    body = b" " * 2_000_000 + b"x\r\n" + b"\r\n" * 500_000
    began = time.process_time()
    found = body_hashes([b"\r\n", body], [Canonical(True), Canonical(False, 10)])
    assert time.process_time() - began < 5
    assert found[Canonical(True)] == base64.b64encode(hashlib.sha256(b" x\r\n").digest()).decode()
    assert found[Canonical(False, 10)] == base64.b64encode(hashlib.sha256(b" " * 10).digest()).decode()


def test_the_key_is_not_in_the_model() -> None:
    private, public = make_key(DkimAlgorithm.ED25519)
    key = DkimKey(domain="example.com", public_key=public)
    assert private.reveal() not in key.model_dump_json()
    assert "reveal" not in repr(private)
