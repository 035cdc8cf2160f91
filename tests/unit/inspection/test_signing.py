"""What we sign, others can verify with the record that we show."""

from __future__ import annotations

import pytest

from gatepost.model.dkim import DkimAlgorithm, DkimKey
from gatepost.relay.inspection.signing import make_key, signature
from gatepost.relay.inspection.sources.authentication import AuthResult, check_dkim
from gatepost.relay.inspection.sources.dns import Answer

MESSAGE = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: Hello\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n\r\nDear Bob,\r\n..dots and  blanks \r\n\r\n\r\n"
)


@pytest.mark.parametrize("algorithm", list(DkimAlgorithm))
def test_a_signature_verifies_with_the_shown_record_and_a_changed_message_does_not(algorithm: DkimAlgorithm) -> None:
    private, public = make_key(algorithm)
    key = DkimKey(domain="example.com", selector="s1", algorithm=algorithm, public_key=public)
    zone = {key.record_name: key.record_text}

    def lookup(name: str, _kind: str) -> Answer:
        return Answer((zone[name],) if name in zone else ())

    signed = signature(MESSAGE, key, private) + MESSAGE
    (check,) = check_dkim(signed, lookup)
    assert (check.result, check.domain, check.selector) == (AuthResult.PASS, "example.com", "s1")
    (changed,) = check_dkim(signed.replace(b"Dear Bob", b"Dear Eve"), lookup)
    assert changed.result is not AuthResult.PASS
    (second_from,) = check_dkim(b"From: eve@example.net\r\n" + signed, lookup)
    assert second_from.result is not AuthResult.PASS


def test_the_key_is_not_in_the_model() -> None:
    private, public = make_key(DkimAlgorithm.ED25519)
    key = DkimKey(domain="example.com", public_key=public)
    assert private.reveal() not in key.model_dump_json()
    assert "reveal" not in repr(private)
