"""Trouble that no part reports of itself: limits of Settings → Alarms that are exceeded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...model.alarms import AlarmSettings
from ...model.report import CertificateReport, Problem, VaultReport

DAY = 86_400
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class PinnedCertificate:
    """The certificate that a gateway accepts by its fingerprint, as it was last seen."""

    gateway: str
    label: str
    not_after: float


@dataclass(frozen=True, slots=True)
class Facts:
    waiting: int = 0
    """Deliveries that wait, held ones left out."""
    oldest: float | None = None
    """When the oldest of them was received."""
    refused: int = 0
    """In the last hour."""
    certificates: Sequence[CertificateReport] = field(default_factory=tuple)
    pinned: Sequence[PinnedCertificate] = field(default_factory=tuple)
    vault: VaultReport | None = None


def problems(facts: Facts, limits: AlarmSettings, now: float) -> list[Problem]:
    return [
        *_of_vault(facts),
        *_of_spool(facts, limits, now),
        *_of_refusals(facts, limits),
        *_of_certificates(facts, limits, now),
    ]


def _of_vault(facts: Facts) -> Iterator[Problem]:
    vault = facts.vault
    if vault is not None and vault.waiting:
        yield Problem(
            "vault", f"{vault.label} asks for permission.", "Gateways that sign in wait until then.", subject="vault:"
        )
    elif vault is not None and not vault.usable:
        yield Problem("vault", "Passwords cannot be read.", vault.problem, vault.hint, "vault:")


def _of_spool(facts: Facts, limits: AlarmSettings, now: float) -> Iterator[Problem]:
    if limits.waiting_messages and facts.waiting > limits.waiting_messages:
        yield Problem(
            "waiting", f"{facts.waiting:,} deliveries wait in the spool.",
            f"More than the {limits.waiting_messages:,} that are allowed for in Settings → Alarms.",
            "Look at what they wait for.", "spool:waiting",
        )  # fmt: skip
    if limits.oldest_hours and facts.oldest is not None and now - facts.oldest > limits.oldest_hours * _HOUR:
        hours = int((now - facts.oldest) // _HOUR)
        yield Problem(
            "oldest", f"The oldest message has waited for {hours} hours.",
            f"Longer than the {limits.oldest_hours} hours that are allowed for in Settings → Alarms.",
            "Look at what it waits for.", "spool:oldest", facts.oldest,
        )  # fmt: skip


def _of_refusals(facts: Facts, limits: AlarmSettings) -> Iterator[Problem]:
    if limits.refusals_per_hour and facts.refused > limits.refusals_per_hour:
        yield Problem(
            "refusals", f"{facts.refused:,} times somebody was refused within an hour.",
            f"More than the {limits.refusals_per_hour:,} that are allowed for in Settings → Alarms.",
            "Tracking shows who was refused and why.", "reception:refusals",
        )  # fmt: skip


def _of_certificates(facts: Facts, limits: AlarmSettings, now: float) -> Iterator[Problem]:
    for one in facts.certificates:
        subject = f"listener:{one.listener}"
        if one.problem:
            yield Problem("certificate", "A listener's certificate cannot be used.", one.problem, one.hint, subject)
        elif one.certificate_file and one.not_after is not None and not one.is_self_signed:
            name = one.names[0] if one.names else one.subject
            yield from _expiry(f"The certificate for {name}", one.not_after, limits, now, "Renew it.", subject)
    for pinned in facts.pinned:
        words = f"The certificate that {pinned.label} is accepted by"
        hint = "When the server has a new one, verify the connection and accept it."
        yield from _expiry(words, pinned.not_after, limits, now, hint, f"gateway:{pinned.gateway}")


def _expiry(what: str, not_after: float, limits: AlarmSettings, now: float, hint: str, subject: str) -> Iterator[Problem]:
    days = int((not_after - now) // DAY)
    if days < 0:
        yield Problem("certificate", f"{what} has expired.", "", hint, subject)
    elif limits.certificate_days and days < limits.certificate_days:
        left = f"{days} days" if days > 1 else "a day" if days else "less than a day"
        yield Problem("certificate", f"{what} expires in {left}.", "", hint, subject)
