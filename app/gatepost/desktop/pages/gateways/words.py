"""The words of gateways: names of modes, encryptions, health, as administrators of SmarterMail know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QDate, QDateTime, QLocale

from ....model.gateway import AcceptPolicy, CertificateCheck, DomainVerification, Encryption, GatewayMode
from ....model.report import GatewayReport
from ....model.smartermail import SmarterMailUserVerification
from ....model.verification import WhenUnknown
from ...cards import Tone
from ...i18n import mark, ntr, tr
from ..handling import mark_of

Choices = Sequence[tuple[str, str]]

_MODES: Mapping[str, str] = {
    GatewayMode.ROUND_ROBIN: mark("Outbound (Round Robin)"),
    GatewayMode.SPECIFIC_DOMAINS: mark("Outbound (Specific Domains)"),
    GatewayMode.BACKUP_MX: mark("Backup MX"),
    GatewayMode.DOMAIN_FORWARD: mark("Domain Forward"),
}
_SHORT_MODES: Mapping[str, str] = {
    GatewayMode.ROUND_ROBIN: mark("Round Robin"),
    GatewayMode.SPECIFIC_DOMAINS: mark("Specific Domains"),
    GatewayMode.BACKUP_MX: mark("Backup MX"),
    GatewayMode.DOMAIN_FORWARD: mark("Domain Forward"),
}
"""For lists, where the whole name has no room."""
_MODE_HELP: Mapping[str, str] = {
    GatewayMode.ROUND_ROBIN: mark("Outgoing mail takes this gateway in turn with the other enabled ones of this mode."),
    GatewayMode.SPECIFIC_DOMAINS: mark("Outgoing mail of the domains assigned to it takes this gateway."),
    GatewayMode.BACKUP_MX: mark(
        "Takes mail for your domains while the primary mail server is away, and keeps it until it is back."
    ),
    GatewayMode.DOMAIN_FORWARD: mark("Stands in front of your mail server: takes mail for its domains and hands it on."),
}
_ENCRYPTIONS: Mapping[str, str] = {
    Encryption.NONE: mark("None"),
    Encryption.OPPORTUNISTIC: mark("STARTTLS when offered"),
    Encryption.REQUIRED: mark("STARTTLS required"),
    Encryption.IMPLICIT: mark("TLS from the start"),
}
_CERTIFICATES: Mapping[str, str] = {
    CertificateCheck.SYSTEM_TRUST: mark("Verify against this system’s trusted authorities"),
    CertificateCheck.FINGERPRINT: mark("Accept only this certificate"),
    CertificateCheck.NONE: mark("Do not verify"),
}
_DOMAIN_VERIFICATIONS: Mapping[str, str] = {
    DomainVerification.SPECIFIED: mark("Specified Domains"),
    DomainVerification.ALL_BUT_SPECIFIED: mark("All But Specified Domains"),
    DomainVerification.WEB_SERVICE: mark("Web service"),
}
_ACCEPTS: Mapping[str, str] = {
    AcceptPolicy.ALWAYS: mark("Always"),
    AcceptPolicy.PRIMARY_DOWN: mark("Only while the primary is down"),
}
_UNKNOWNS: Mapping[str, str] = {
    WhenUnknown.BY_MODE: mark("As the mode suggests"),
    WhenUnknown.ACCEPT: mark("Accept and hold"),
    WhenUnknown.DEFER: mark("Ask the sender to try again later (451)"),
}
_USER_VERIFICATIONS: Mapping[str, str] = {
    SmarterMailUserVerification.NONE: mark("None"),
    SmarterMailUserVerification.WEB_SERVICE: mark("Web service"),
}
_ACTIONS: Mapping[str, str] = {
    "no-action": mark("No action"),
    "delete": mark("Delete"),
    "bounce": mark("Bounce"),
    "prefix-subject": mark("Prefix subject"),
    "add-header": mark("Add header"),
    "redirect": mark("Redirect"),
    "forward-copy": mark("Forward a copy"),
    "quarantine": mark("Quarantine"),
}
_HEALTH: Mapping[str, tuple[str, Tone]] = {
    "healthy": (mark("Healthy"), Tone.GOOD),
    "resting": (mark("Resting"), Tone.BAD),
    "probing": (mark("Probing"), Tone.WARNING),
    "disabled": (mark("Disabled"), Tone.NEUTRAL),
}

OUTBOUND = (GatewayMode.ROUND_ROBIN.value, GatewayMode.SPECIFIC_DOMAINS.value)
INBOUND = (GatewayMode.BACKUP_MX.value, GatewayMode.DOMAIN_FORWARD.value)


def _choices(table: Mapping[str, str]) -> Choices:
    return tuple((str(key), tr(words)) for key, words in table.items())


def modes() -> Choices:
    return _choices(_MODES)


def short_modes() -> Choices:
    return _choices(_SHORT_MODES)


def encryptions() -> Choices:
    return _choices(_ENCRYPTIONS)


def certificates() -> Choices:
    return _choices(_CERTIFICATES)


def domain_verifications() -> Choices:
    return _choices(_DOMAIN_VERIFICATIONS)


def accept_policies() -> Choices:
    return _choices(_ACCEPTS)


def when_unknown() -> Choices:
    return _choices(_UNKNOWNS)


def user_verifications() -> Choices:
    return _choices(_USER_VERIFICATIONS)


def spam_actions() -> Choices:
    return _choices(_ACTIONS)


def mode_name(mode: str) -> str:
    return tr(_MODES[mode])


def short_mode_name(mode: str) -> str:
    return tr(_SHORT_MODES[mode])


def mode_help(mode: str) -> str:
    return tr(_MODE_HELP[mode])


def encryption_name(encryption: str) -> str:
    return tr(_ENCRYPTIONS[encryption])


def address_of(gateway: Mapping[str, Any]) -> str:
    """Where it delivers to, with the port where it says something."""
    if gateway["mode"] in OUTBOUND:
        host = str(gateway.get("host") or "")
        return f"[{host}]:{gateway.get('port')}" if ":" in host else f"{host}:{gateway.get('port')}"
    return ", ".join(gateway.get("addresses") or ())


def name_of(gateway: Mapping[str, Any]) -> str:
    """What a person calls it."""
    return str(gateway.get("description") or "") or address_of(gateway)


def health_of(gateway: Mapping[str, Any], report: GatewayReport | None) -> tuple[str, Tone]:
    if not gateway.get("enabled", True):
        return tr("Disabled"), Tone.NEUTRAL
    if report is None:
        return tr("Not known yet"), Tone.NEUTRAL
    if report.health == "healthy" and (marked := mark_of(gateway)) is not None:
        return marked
    words, tone = _HEALTH.get(report.health, (report.health, Tone.NEUTRAL))
    return tr(words), tone


def health_words() -> list[str]:
    return [tr(words) for words, _tone in _HEALTH.values()]


def ago(seconds: float | None, now: float) -> str:
    """“3 minutes ago”; “never” for None."""
    if seconds is None:
        return tr("never")
    past = max(0, int(now - seconds))
    if past < 60:
        return tr("just now")
    if past < 3600:
        return ntr("{n} minute ago", "{n} minutes ago", past // 60)
    if past < 86_400:
        return ntr("{n} hour ago", "{n} hours ago", past // 3600)
    return ntr("{n} day ago", "{n} days ago", past // 86_400)


def moment(seconds: float) -> str:
    """Day and time in the short form of the language."""
    at = QDateTime.fromSecsSinceEpoch(int(seconds))
    if at.date() == QDate.currentDate():
        return QLocale().toString(at.time(), QLocale.FormatType.ShortFormat)
    return QLocale().toString(at, QLocale.FormatType.ShortFormat)


def spaced_fingerprint(fingerprint: str) -> str:
    """64 hexadecimal digits as pairs, as other programs show them."""
    digits = fingerprint.upper()
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
