"""What Postfix's way out means for Gatepost: gateways, domain rows, the default route."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ...model.domain import DomainMatch
from ...model.gateway import CertificateCheck, Encryption, GatewayMode
from ...model.secret import Secret
from ..draft import Draft
from ..proposal import Place
from .main_cf import MainCf, items
from .next_hop import NextHop, parse_next_hop
from .tables import Entry, Tables, lookup

_LEVELS: dict[str, tuple[Encryption, CertificateCheck]] = {
    "none": (Encryption.NONE, CertificateCheck.NONE),
    "may": (Encryption.OPPORTUNISTIC, CertificateCheck.NONE),
    "encrypt": (Encryption.REQUIRED, CertificateCheck.NONE),
    "verify": (Encryption.REQUIRED, CertificateCheck.SYSTEM_TRUST),
    "secure": (Encryption.REQUIRED, CertificateCheck.SYSTEM_TRUST),
    "fingerprint": (Encryption.REQUIRED, CertificateCheck.FINGERPRINT),
    "dane": (Encryption.OPPORTUNISTIC, CertificateCheck.NONE),
    "half-dane": (Encryption.OPPORTUNISTIC, CertificateCheck.NONE),
    "dane-only": (Encryption.REQUIRED, CertificateCheck.SYSTEM_TRUST),
}
SMTP_TRANSPORTS = ("", "smtp", "relay", "smtps")
"""Names of master.cf's transports that are its SMTP client."""


class _Login(NamedTuple):
    username: str
    password: Secret
    place: Place


class Outgoing:
    """``read`` fills the draft. Collaborates with ``Incoming``, which takes the transports of relayed domains out first."""

    def __init__(self, settings: MainCf, tables: Tables, draft: Draft) -> None:
        self._settings = settings
        self._tables = tables
        self._draft = draft
        self._by_sender = settings.is_on("smtp_sender_dependent_authentication")
        self._level = self._tls_level()
        self._policies = self._entries("smtp_tls_policy_maps", "The TLS policies")
        self._passwords = self._entries("smtp_sasl_password_maps", "The passwords")
        if self._passwords and not settings.is_on("smtp_sasl_auth_enable"):
            place = settings.place("smtp_sasl_password_maps")
            draft.left_out(
                place, "The passwords are not taken over: smtp_sasl_auth_enable is not on, so Postfix never used them."
            )
            self._passwords = []
        self._common = self._common_fields()
        self.transports = self._entries("transport_maps", "The transports")

    def read(self, relayed: frozenset[str]) -> None:
        """``relayed``: keys of ``transports`` that are the business of an inbound gateway."""
        self._relayhost()
        for entry in self.transports:
            if entry.key.casefold() not in relayed:
                self._transport(entry)
        for entry in self._entries("sender_dependent_relayhost_maps", "The relay hosts by sender"):
            self._sender(entry)

    def _entries(self, name: str, what: str) -> list[Entry]:
        found = self._settings.get(name)
        return [] if found is None else self._tables.entries(found.value, found.place, what)

    # --- gateways ---

    def _relayhost(self) -> None:
        found = self._settings.get("relayhost")
        if found is None or not found.value:
            place = self._settings.place("relayhost")
            words = "Mail without a rule goes directly to the mail hosts of its recipients"
            self._draft.setting(place, "delivery.default_route", {"via": "direct"}, words)
            return
        for index, text in enumerate(items(found.value)):
            self._gateway(text, found.place, GatewayMode.ROUND_ROBIN, standby=index > 0)

    def _gateway(self, text: str, place: Place, mode: GatewayMode, *, sender: str = "", standby: bool = False) -> str | None:
        hop = parse_next_hop(text)
        if hop is None:
            self._draft.decide(place, f"The destination {text} was not understood.")
            return None
        login = self._login(hop, sender)
        encryption, certificate = self._security(hop, place, login is not None)
        if hop.is_domain and not hop.is_address:
            self._draft.decide(
                place,
                f"Postfix asks the DNS for the mail hosts (MX) of {hop.host}; a gateway here is the host itself. If {hop.host} "
                "has MX records, write one of those hosts into the gateway.",
            )
        data: dict[str, Any] = {
            "mode": mode, "host": hop.host, "port": hop.port, "encryption": encryption, "certificate": certificate,
            **self._common,
        }  # fmt: skip
        if standby:
            data["standby"] = True
        if login is None:
            return self._draft.gateway(place, data)
        self._draft.understood(login.place, f"The password of {login.username} at {hop.host} goes to the vault.")
        return self._draft.gateway(place, data, username=login.username, password=login.password)

    def _login(self, hop: NextHop, sender: str) -> _Login | None:
        keys = hop.spellings
        if sender and self._by_sender:
            keys = (sender, *keys)
        found = lookup(self._passwords, *keys)
        if found is None:
            return None
        username, _, password = found.value.partition(":")
        return _Login(username, Secret(password), found.place)

    # --- TLS ---

    def _tls_level(self) -> str:
        settings = self._settings
        if (found := settings.get("smtp_tls_security_level")) is not None and found.value:
            return found.value.casefold()
        if settings.is_on("smtp_enforce_tls"):
            return "verify" if settings.is_on("smtp_tls_enforce_peername", default=True) else "encrypt"
        return "may" if settings.is_on("smtp_use_tls") else "none"

    def _security(self, hop: NextHop, place: Place, signs_in: bool) -> tuple[Encryption, dict[str, Any]]:
        policy = lookup(self._policies, *hop.spellings)
        words = policy.value.split() if policy is not None else []
        level = words[0].casefold() if words else self._level
        at = policy.place if policy is not None else self._settings.place("smtp_tls_security_level")
        if level not in _LEVELS:
            self._draft.decide(at, f"The TLS level {level} is not known; STARTTLS with a verified certificate is proposed.")
            level = "secure"
        if "dane" in level:
            self._draft.decide(at, f"DANE ({level}) is not known to Gatepost; look at the encryption of {hop.host}.")
        encryption, check = _LEVELS[level]
        certificate: dict[str, Any] = {"check": check}
        if check is CertificateCheck.FINGERPRINT:
            certificate = self._fingerprint(words[1:], at, hop)
        if self._settings.is_on("smtp_tls_wrappermode"):
            encryption = Encryption.IMPLICIT
        elif signs_in and encryption in (Encryption.NONE, Encryption.OPPORTUNISTIC):
            self._draft.decide(
                place,
                f"Postfix signed in to {hop.host} without requiring TLS. A password is not sent in the clear here: STARTTLS "
                "is required now.",
            )
            encryption = Encryption.REQUIRED
        if encryption in (Encryption.REQUIRED, Encryption.IMPLICIT) and certificate["check"] is CertificateCheck.NONE:
            self._draft.decide(at, f"Postfix did not check the certificate of {hop.host}, and it is taken over like that.")
        return encryption, certificate

    def _fingerprint(self, words: list[str], at: Place, hop: NextHop) -> dict[str, Any]:
        matches = [word.partition("=")[2] for word in words if word.startswith("match=")]
        listed = items(self._settings.text("smtp_tls_fingerprint_cert_match"))
        for text in (one for match in (*matches, *listed) for one in match.split("|")):
            if re.fullmatch(r"[0-9A-Fa-f:]+", text) and len(text.replace(":", "")) == 64:
                return {"check": CertificateCheck.FINGERPRINT, "fingerprint": text}
        self._draft.decide(at, f"No SHA-256 fingerprint was found for {hop.host}: its certificate is verified instead.")
        return {"check": CertificateCheck.SYSTEM_TRUST}

    def _common_fields(self) -> dict[str, Any]:
        settings = self._settings
        addresses = [text for name in ("smtp_bind_address", "smtp_bind_address6") if (text := settings.text(name))]
        data: dict[str, Any] = {"source_addresses": addresses} if addresses else {}
        if helo := settings.text("smtp_helo_name"):
            data["ehlo_name"] = helo
        for name in ("smtp_destination_concurrency_limit", "default_destination_concurrency_limit"):
            value = settings.text(name)
            if value.isdigit() and "limits" not in data and 1 <= int(value) <= 1000:
                data["limits"] = {"connections": int(value)}
        return data

    # --- rows ---

    def _transport(self, entry: Entry) -> None:
        transport, _, destination = entry.value.partition(":")
        if entry.value and ":" not in entry.value:
            transport, destination = entry.value, ""
        if transport not in SMTP_TRANSPORTS:
            what = "is refused or thrown away there" if transport in ("error", "discard", "retry") else "is handed to a program"
            self._draft.left_out(entry.place, f"Mail for {entry.key} {what} ({transport}): Gatepost has nothing like it.")
            return
        if "@" in entry.key:
            self._draft.left_out(entry.place, f"A way out for one address ({entry.key}) is not known to Gatepost.")
            return
        if not transport and not destination:
            self._draft.left_out(entry.place, f"{entry.key} goes the default way; no row is needed.")
            return
        if entry.key == "*":
            self._default(destination, entry)
            return
        domain = f"*{entry.key}" if entry.key.startswith(".") else entry.key
        gateway = None
        if destination:
            gateway = self._gateway(destination, entry.place, GatewayMode.SPECIFIC_DOMAINS)
            if gateway is None:
                return
        self._draft.rule(entry.place, domain, DomainMatch.RECIPIENT, gateway)

    def _default(self, destination: str, entry: Entry) -> None:
        if not destination:
            words = "Mail without a rule goes directly to the mail hosts of its recipients"
            self._draft.setting(entry.place, "delivery.default_route", {"via": "direct"}, words)
        elif (gateway := self._gateway(destination, entry.place, GatewayMode.SPECIFIC_DOMAINS)) is not None:
            route = {"via": "gateway", "gateway": gateway.partition(":")[2]}
            words = f"Mail without a rule leaves by this: {self._draft.part(gateway).title}"
            self._draft.setting(entry.place, "delivery.default_route", route, words, needs=(gateway,))

    def _sender(self, entry: Entry) -> None:
        if not entry.key.startswith("@"):
            self._draft.left_out(
                entry.place, f"A relay host for one sender ({entry.key}) is not known to Gatepost; only for domains."
            )
            return
        if entry.value.upper() == "DUNNO":
            self._draft.left_out(entry.place, f"{entry.key} goes the default way; no row is needed.")
            return
        gateway = self._gateway(entry.value, entry.place, GatewayMode.SPECIFIC_DOMAINS, sender=entry.key)
        if gateway is not None:
            self._draft.rule(entry.place, entry.key[1:], DomainMatch.SENDER, gateway)
