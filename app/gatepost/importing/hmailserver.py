"""hMailServer: ``hMailServerBackup.xml``, which its backup writes with the settings (inside the 7z file of a compressed one).

The names of elements and attributes, and the meaning of their numbers, are those of hMailServer 5's public source. Passwords
in it are encrypted with a key that is part of that program; they are not decrypted here and have to be typed anew.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from ..model.address import AddressError, parse_mailbox
from ..model.domain import DomainMatch
from ..model.errors import InvalidInput, Issue
from ..model.gateway import CertificateCheck, Encryption, GatewayMode
from ..model.listener import ListenerMode, ListenerTls
from .draft import Draft
from .proposal import Place, Proposal, SourceFile
from .xml_tree import Node, parse, whole

SOURCE = "hmailserver"

_SECURITY = {0: Encryption.NONE, 1: Encryption.IMPLICIT, 2: Encryption.OPPORTUNISTIC, 3: Encryption.REQUIRED}
_PORT_TLS = {0: ListenerTls.NONE, 1: ListenerTls.IMPLICIT, 2: ListenerTls.STARTTLS, 3: ListenerTls.STARTTLS_REQUIRED}
_SMTP = 1
"""``PortProtocol`` of an SMTP port; the others are POP3 and IMAP."""

_ALLOW_SMTP, _LOCAL_TO_REMOTE, _REMOTE_TO_REMOTE = 1 << 0, 1 << 7, 1 << 9
_AUTH_LOCAL_TO_REMOTE, _AUTH_REMOTE_TO_REMOTE = 1 << 14, 1 << 16
"""``Options`` of an IP range."""


def propose(files: Sequence[SourceFile]) -> Proposal:
    """Raises InvalidInput when no file is a backup's specification."""
    draft = Draft(SOURCE)
    roots = [(file, root) for file in files for root in parse(file).children if root.tag == "Backup"]
    if not roots:
        raise InvalidInput([Issue("files", "give hMailServerBackup.xml")], "This is no backup of hMailServer.")
    for file, root in roots:
        _Reader(file, root, draft).read()
    return draft.proposal()


class _Reader:
    def __init__(self, file: SourceFile, root: Node, draft: Draft) -> None:
        self._file = file
        self._root = root
        self._draft = draft
        properties = next(iter(root.all("Properties")), None)
        self._properties = {node.tag.casefold(): node for node in properties.children} if properties is not None else {}
        if properties is None:
            draft.decide(
                Place(file.name), "The backup was made without settings: only what it has of routes and domains is read."
            )

    def read(self) -> None:
        self._settings()
        self._relayer()
        for route in self._root.all("Route"):
            self._route(route)
        for one in self._root.all("SecurityRange"):
            self._range(one)
        for port in self._root.all("TCPIPPort"):
            self._port(port)
        for domain in self._root.all("Domain"):
            words = f"The domain {domain.get('Name')} has its mailboxes in hMailServer; Gatepost keeps none."
            self._draft.left_out(self._at(domain), words)
        if rules := sum(1 for _ in self._root.all("Rule")):
            self._draft.left_out(self._at(next(self._root.all("Rule"))), f"{rules} rules of hMailServer are not taken over.")

    def _at(self, node: Node | None) -> Place:
        return Place(self._file.name, node.line if node is not None else 0)

    # --- properties ---

    def _text(self, name: str) -> str:
        node = self._properties.get(name)
        return node.get("StringValue") if node is not None else ""

    def _number(self, name: str) -> int:
        node = self._properties.get(name)
        return (whole(node.get("LongValue")) or 0) if node is not None else 0

    def _place(self, name: str) -> Place:
        return self._at(self._properties.get(name))

    def _settings(self) -> None:
        draft = self._draft
        if name := self._text("hostname"):
            draft.setting(self._place("hostname"), "server.host_name", name, f"This server's name is {name}")
        if kilobytes := self._number("maxmessagesize"):
            size = kilobytes * 1024
            draft.setting(self._place("maxmessagesize"), "spool.max_message_bytes", size, f"Messages may have {size:,} octets")
        tries, minutes = self._number("smtpnoofretries"), self._number("smtpminutesbetweenretries")
        if minutes:
            place = self._place("smtpminutesbetweenretries")
            draft.setting(place, "spool.schedule_minutes", [minutes], f"Attempts are repeated after {minutes} minutes")
            if tries:
                hours = max(1, -(-tries * minutes // 60))
                words = f"Mail waits for {hours} hours at most ({tries} tries, {minutes} minutes apart)"
                draft.setting(self._place("smtpnoofretries"), "spool.lifetime_hours", hours, words)
        if address := self._text("smtpdeliverybindtoip"):
            draft.decide(
                self._place("smtpdeliverybindtoip"), f"Mail left from {address}: set it at the gateways (sending addresses)."
            )

    def _relayer(self) -> None:
        host = self._text("smtprelayer")
        place = self._place("smtprelayer")
        if not host:
            words = "Mail without a rule goes directly to the mail hosts of its recipients"
            self._draft.setting(place, "delivery.default_route", {"via": "direct"}, words)
            return
        username = self._text("smtprelayerusername") if self._number("usesmtprelayerauthentication") else ""
        security = self._number("smtprelayerconnectionsecurity")
        self._gateway(place, host, self._number("smtprelayerport"), security, username, GatewayMode.ROUND_ROBIN)

    # --- gateways ---

    def _gateway(
        self, place: Place, host: str, port: int, security: int, username: str, mode: GatewayMode, description: str = ""
    ) -> str | None:
        encryption = _SECURITY.get(security)
        if encryption is None:
            self._draft.decide(place, f"The connection security {security} of {host} is not known; STARTTLS is required now.")
            encryption = Encryption.REQUIRED
        if username and encryption in (Encryption.NONE, Encryption.OPPORTUNISTIC):
            words = (
                f"hMailServer signed in to {host} without requiring TLS. A password is not sent in the clear here: STARTTLS is "
                "required now."
            )
            self._draft.decide(place, words)
            encryption = Encryption.REQUIRED
        checks = bool(self._number("verifyremotesslcertificate"))
        secured = encryption in (Encryption.REQUIRED, Encryption.IMPLICIT)
        if secured and not checks:
            self._draft.decide(place, f"hMailServer did not verify the certificate of {host}; Gatepost does from now on.")
        data: dict[str, Any] = {
            "mode": mode, "host": host, "port": port or 25, "encryption": encryption, "description": description,
            "certificate": {"check": CertificateCheck.SYSTEM_TRUST if secured else CertificateCheck.NONE},
        }  # fmt: skip
        return self._draft.gateway(place, data, username=username)

    def _route(self, node: Node) -> None:
        place, domain, host = self._at(node), node.get("Name"), node.get("TargetHost")
        port = whole(node.get("TargetPort")) or 25
        security = 1 if node.get("UseSSL") == "1" else whole(node.get("ConnectionSecurity")) or 0
        username = node.get("Username") if node.get("RequiresAuthentication") == "1" else ""
        if node.get("TreatRecipientAsLocalDomain") == "1":
            self._forward(node, domain, host, port)
            return
        if node.get("ToAllAddresses") == "0":
            words = f"The route of {domain} is for some addresses only; here a row is for the whole domain."
            self._draft.decide(place, words)
        description = node.get("Description")
        gateway = self._gateway(place, host, port, security, username, GatewayMode.SPECIFIC_DOMAINS, description)
        if gateway is not None:
            self._draft.rule(place, domain, DomainMatch.RECIPIENT, gateway)

    def _forward(self, node: Node, domain: str, host: str, port: int) -> None:
        """A route whose domain counts as local: mail for it comes from anywhere and goes to the target."""
        place = self._at(node)
        try:
            ipaddress.ip_address(host)
        except ValueError:
            self._draft.decide(
                place,
                f"Mail for {domain} is taken from anywhere and handed to {host}. A Domain Forward gateway takes IP addresses: "
                f"add one with the addresses of {host}.",
            )
            return
        data: dict[str, Any] = {
            "mode": GatewayMode.DOMAIN_FORWARD, "addresses": [host], "port": port, "domains": [domain],
            "description": node.get("Description"),
        }  # fmt: skip
        if node.get("ToAllAddresses") == "0" and (known := self._addresses(node, domain)):
            data["verification"] = {"use_list": True, "addresses": known}
        self._draft.gateway(place, data)

    def _addresses(self, node: Node, domain: str) -> list[str]:
        found: list[str] = []
        for one in node.all("RouteAddress"):
            name = one.get("Name")
            try:
                found.append(str(parse_mailbox(name if "@" in name else f"{name}@{domain}")))
            except AddressError as error:
                self._draft.decide(self._at(one), f"This address was not understood: {error}.")
        return found

    # --- who may send, and where ---

    def _range(self, node: Node) -> None:
        place, options, name = self._at(node), whole(node.get("Options")) or 0, node.get("Name")
        low, high = node.get("LowerIP"), node.get("UpperIP")
        if node.get("Expires") == "1":
            self._draft.left_out(place, f"The IP range “{name}” ends by itself (a ban, most likely); it is not taken over.")
        elif not options & _ALLOW_SMTP:
            words = f"The IP range “{name}” ({low}-{high}) may not connect in hMailServer; Gatepost has no such ban."
            self._draft.left_out(place, words)
        elif options & _REMOTE_TO_REMOTE and not options & _AUTH_REMOTE_TO_REMOTE:
            self._draft.network(place, low if low == high else f"{low}-{high}", name)
        elif options & _LOCAL_TO_REMOTE and not options & _AUTH_LOCAL_TO_REMOTE:
            self._draft.decide(
                place,
                f"The IP range “{name}” ({low}-{high}) may send from local addresses only. A trusted network here may send "
                "from any address: add it yourself if that is right.",
            )
        else:
            self._draft.left_out(
                place, f"The IP range “{name}” may not send to the outside without signing in: as everybody here."
            )

    def _port(self, node: Node) -> None:
        place = self._at(node)
        if whole(node.get("PortProtocol")) != _SMTP:
            self._draft.left_out(place, f"Port {node.get('PortNumber')} is for POP3 or IMAP.")
            return
        security = 1 if node.get("UseSSL") == "1" else whole(node.get("ConnectionSecurity")) or 0
        tls = _PORT_TLS.get(security, ListenerTls.NONE)
        port = whole(node.get("PortNumber")) or 25
        mode = ListenerMode.SUBMISSION if port in (465, 587) else ListenerMode.MX
        data: dict[str, Any] = {"address": node.get("Address") or "0.0.0.0", "port": port, "tls": tls, "mode": mode}  # noqa: S104
        wanted = node.get("SSLCertificateName")
        if tls is not ListenerTls.NONE and wanted:
            certificate = next((one for one in self._root.all("SSLCertificate") if one.get("Name") == wanted), None)
            if certificate is not None:
                data["certificate_file"] = certificate.get("CertificateFile")
                data["key_file"] = certificate.get("PrivateKeyFile")
        self._draft.listener(place, data)
