"""What counts as trouble, and how a notice reads."""

from __future__ import annotations

import email
import email.policy

import pytest

from gatepost.model.alarms import AlarmSettings
from gatepost.model.report import CertificateReport, VaultReport
from gatepost.relay.alarms import notice
from gatepost.relay.alarms.conditions import DAY, Facts, PinnedCertificate, problems
from gatepost.relay.alarms.ledger import Notice, Trouble

NOW = 1_800_000_000.0
LIMITS = AlarmSettings(waiting_messages=100, oldest_hours=12, certificate_days=21, refusals_per_hour=50)


def certificate(days: float, **more: object) -> CertificateReport:
    return CertificateReport("ls-1", "c.pem", "k.pem", names=("mx.example.org",), not_after=NOW + days * DAY, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        (Facts(), []),
        (Facts(waiting=100), []),
        (Facts(waiting=101), ["waiting"]),
        (Facts(oldest=NOW - 12 * 3600), []),
        (Facts(oldest=NOW - 12 * 3600 - 1), ["oldest"]),
        (Facts(refused=50), []),
        (Facts(refused=51), ["refusals"]),
        (Facts(certificates=(certificate(22),)), []),
        (Facts(certificates=(certificate(20),)), ["certificate"]),
        (Facts(certificates=(certificate(-1),)), ["certificate"]),
        (Facts(certificates=(certificate(1, is_self_signed=True),)), []),
        (Facts(vault=VaultReport("keyring", "GNOME Keyring", True)), []),
        (Facts(vault=VaultReport("keyring", "GNOME Keyring", False, "locked")), ["vault"]),
        (Facts(vault=VaultReport("keyring", "GNOME Keyring", False, waiting=True)), ["vault"]),
        (Facts(pinned=(PinnedCertificate("gw-1", "Main", NOW + 5 * DAY),)), ["certificate"]),
    ],
)
def test_limits(facts: Facts, kinds: list[str]) -> None:
    assert [one.kind for one in problems(facts, LIMITS, NOW)] == kinds


def test_limits_of_zero_are_no_limits_but_what_is_broken_stays_broken() -> None:
    off = AlarmSettings(waiting_messages=0, oldest_hours=0, certificate_days=0, refusals_per_hour=0)
    facts = Facts(10**9, 1.0, 10**9, (certificate(1),))
    assert problems(facts, off, NOW) == []
    assert [one.title for one in problems(Facts(certificates=(certificate(-1),)), off, NOW)] == [
        "The certificate for mx.example.org has expired."
    ]


def test_a_notice_is_marked_as_a_programs_and_says_what_to_do() -> None:
    told = Notice(
        (Trouble("gateway", "gateway:gw-1", "Main rests.", "535 bad\r\nBcc: evil@example.com", "Look at its password.", NOW),),
        (), (Trouble("disk", "", "The disk is nearly full.", since=NOW),),
    )  # fmt: skip
    title, body = notice.subject(told, "gw.example.org"), notice.text(told, "gw.example.org")
    raw = notice.compose("gatepost@gw.example.org", ("admin@example.org",), title, body, "gw.example.org", NOW)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"] == "[Gatepost gw.example.org] Main rests."
    assert message["To"] == "admin@example.org"
    assert message["Bcc"] is None
    text = message.get_content()
    assert "Look at its password." in text
    assert "Over:" in text
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_several_at_once_are_counted_in_the_subject() -> None:
    two = tuple(Trouble("x", str(n), f"Trouble {n}.") for n in range(3))
    assert notice.subject(Notice(two), "h").endswith("Trouble 0. and 2 more")
    assert "Still: " in notice.subject(Notice(reminded=two), "h")
    assert "Over: " in notice.subject(Notice(cleared=two), "h")
