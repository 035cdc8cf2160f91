"""The SMTP service of IIS: ``MetaBase.xml`` (``%windir%\\system32\\inetsrv``).

Names and meanings are those of Microsoft's published metabase property reference. ``RoutePassword`` is encrypted for that
machine; passwords have to be typed anew.
"""

from __future__ import annotations

import binascii
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from ..model.domain import DomainMatch
from ..model.errors import InvalidInput, Issue
from ..model.gateway import CertificateCheck, Encryption, GatewayMode
from ..model.listener import ListenerMode
from .draft import Draft
from .proposal import Place, Proposal, SourceFile
from .xml_tree import Node, parse, whole

SOURCE = "iis"

_SMARTHOST, _SSL, _ALIAS, _DELIVER, _DEFAULT, _NTLM, _CLEARTEXT, _DOMAIN_RELAY = 2, 4, 16, 32, 64, 128, 256, 4096
"""Flags of ``RouteAction``."""
_FLAG_NAMES = {
    "SMTP_SMARTHOST": _SMARTHOST, "SMTP_SSL": _SSL, "SMTP_ALIAS": _ALIAS, "SMTP_DELIVER": _DELIVER, "SMTP_DEFAULT": _DEFAULT,
    "SMTP_AUTH_NTLM": _NTLM, "SMTP_AUTH_CLEARTEXT": _CLEARTEXT, "SMTP_DOMAIN_RELAY": _DOMAIN_RELAY,
}  # fmt: skip
_DIRECT_FIRST, _ALWAYS = 1, 2
"""``SmartHostType``."""


def propose(files: Sequence[SourceFile]) -> Proposal:
    """Raises InvalidInput when no file has an SMTP virtual server."""
    draft = Draft(SOURCE)
    found = False
    for file in files:
        root = parse(file)
        for server in root.all("IIsSmtpServer"):
            found = True
            _Server(file, root, server, draft).read()
    if not found:
        raise InvalidInput(
            [Issue("files", "give MetaBase.xml, as it stands in %windir%\\system32\\inetsrv")],
            "No SMTP server of IIS was found.",
        )
    return draft.proposal()


class _Server:
    """One virtual server, with what it inherits from the service."""

    def __init__(self, file: SourceFile, root: Node, server: Node, draft: Draft) -> None:
        self._file = file
        self._draft = draft
        self._server = server
        service = next(root.all("IIsSmtpService"), None)
        inherited: Mapping[str, str] = service.attributes if service is not None else {}
        self._values = {**inherited, **server.attributes}
        prefix = server.get("Location").casefold() + "/domain/"
        self._domains = [one for one in root.all("IIsSmtpDomain") if one.get("Location").casefold().startswith(prefix)]

    def read(self) -> None:
        self._settings()
        self._bindings()
        self._smart_host()
        for domain in self._domains:
            self._domain(domain)
        self._relay_list()
        self._pickup()

    def _at(self, node: Node | None = None) -> Place:
        return Place(self._file.name, (node or self._server).line)

    def _text(self, name: str) -> str:
        return self._values.get(name, "").strip()

    def _number(self, name: str) -> int:
        return whole(self._text(name)) or 0

    def _settings(self) -> None:
        draft, at = self._draft, self._at()
        if name := self._text("FullyQualifiedDomainName"):
            draft.setting(at, "server.host_name", name, f"This server's name is {name}")
        if address := self._text("PostmasterEmail"):
            draft.setting(at, "server.postmaster", address, f"Mail for the postmaster goes to {address}")
        if size := self._number("MaxMessageSize"):
            draft.setting(at, "spool.max_message_bytes", size, f"Messages may have {size:,} octets")
        if hops := self._number("HopCount"):
            draft.setting(at, "spool.max_received_headers", hops, f"Messages with more than {hops} hops are refused")
        retries = [whole(part.strip()) for part in self._text("SmtpRemoteProgressiveRetry").split(",")]
        if retries and all(retries):
            shown = ", ".join(str(one) for one in retries)
            draft.setting(at, "spool.schedule_minutes", retries, f"Attempts are repeated after {shown} minutes")
        if minutes := self._number("SmtpRemoteNDRExpireMinutes"):
            hours = max(1, round(minutes / 60))
            draft.setting(at, "spool.lifetime_hours", hours, f"Mail waits for {hours} hours at most")
        if minutes := self._number("SmtpRemoteDelayExpireMinutes"):
            hours = max(1, round(minutes / 60))
            draft.setting(at, "spool.delay_notice_hours", hours, f"Senders are told of a delay after {hours} hours")
        if domain := self._text("MasqueradeDomain"):
            draft.left_out(
                at, f"IIS wrote {domain} into sender addresses (MasqueradeDomain); addresses are not rewritten here."
            )
        if self._number("MaxSessionSize"):
            draft.left_out(at, "A limit for all messages of a session (MaxSessionSize) is not known here.")

    def _bindings(self) -> None:
        for binding in self._text("ServerBindings").split():
            address, _, rest = binding.rpartition(":")[0].rpartition(":")
            port = whole(rest)
            if port is None:
                self._draft.decide(self._at(), f"The binding {binding} was not understood.")
                continue
            data: dict[str, Any] = {
                "address": address.strip("[]") or "0.0.0.0", "port": port, "mode": ListenerMode.MX,  # noqa: S104
                "description": self._text("ServerComment"),
            }  # fmt: skip
            limits: dict[str, int] = {}
            recipients, connections = self._number("MaxRecipients"), self._number("MaxConnections")
            if 100 <= recipients <= 100_000:
                limits["recipients"] = recipients
            elif recipients:
                words = f"MaxRecipients is {recipients}; at least 100 have to be taken (RFC 5321): the default is used."
                self._draft.decide(self._at(), words)
            if 1 <= connections <= 20_000:
                limits["connections"] = connections
            if limits:
                data["limits"] = limits
            self._draft.listener(self._at(), data)

    # --- ways out ---

    def _smart_host(self) -> None:
        host, kind = self._text("SmartHost"), self._number("SmartHostType")
        direct = "Mail without a rule goes directly to the mail hosts of its recipients"
        if not host or not kind:
            self._draft.setting(self._at(), "delivery.default_route", {"via": "direct"}, direct)
            return
        action = _flags(self._text("RouteAction"))
        if self._text("AlwaysUseSsl").casefold() == "true":
            action |= _SSL
        gateway = self._gateway(self._at(), host, action, self._text("RouteUserName"), GatewayMode.ROUND_ROBIN)
        if kind == _DIRECT_FIRST and gateway is not None:
            self._draft.decide(
                self._at(),
                "IIS tried direct delivery first and the smart host after that. Here mail goes by the gateway; choose direct "
                "delivery in Settings → Delivery if you want that.",
            )

    def _gateway(self, place: Place, host: str, action: int, username: str, mode: GatewayMode) -> str | None:
        signs_in = bool(action & (_NTLM | _CLEARTEXT)) and bool(username)
        encryption = Encryption.REQUIRED if action & _SSL else Encryption.OPPORTUNISTIC
        if not action & _SSL:
            words = f"IIS sent to {host.strip('[]')} in the clear; STARTTLS is used here when it is offered."
            if signs_in:
                encryption = Encryption.REQUIRED
                words = f"IIS sent the password to {host.strip('[]')} in the clear. STARTTLS is required here."
            self._draft.decide(place, words)
        if action & _NTLM:
            self._draft.decide(
                place, f"IIS signed in to {host.strip('[]')} by NTLM; Gatepost signs in with username and password."
            )
        data: dict[str, Any] = {
            "mode": mode, "host": host.strip("[]"), "port": self._number("RemoteSmtpPort") or 25, "encryption": encryption,
            "certificate": {"check": CertificateCheck.SYSTEM_TRUST if action & _SSL or signs_in else CertificateCheck.NONE},
        }  # fmt: skip
        limits: dict[str, int] = {}
        per_domain, batch = self._number("MaxOutConnectionsPerDomain"), self._number("MaxBatchedMessages")
        if 1 <= per_domain <= 1000:
            limits["connections"] = per_domain
        if batch:
            limits["messages_per_connection"] = min(batch, 100_000)
        if limits:
            data["limits"] = limits
        return self._draft.gateway(place, data, username=username if signs_in else "")

    def _domain(self, node: Node) -> None:
        place, name = self._at(node), node.get("Location").rpartition("/")[2]
        action, target = _flags(node.get("RouteAction")), node.get("RouteActionString")
        if action & (_ALIAS | _DEFAULT | _DELIVER) and not action & _SMARTHOST:
            self._draft.left_out(place, f"{name} is a local domain of IIS (its drop folder); Gatepost keeps no mailboxes.")
            return
        if action & _DOMAIN_RELAY:
            if _is_address(target):
                data = {
                    "mode": GatewayMode.DOMAIN_FORWARD, "addresses": [target.strip("[]")], "domains": [name],
                    "port": self._number("RemoteSmtpPort") or 25,
                }  # fmt: skip
                self._draft.gateway(place, data)
            else:
                self._draft.decide(
                    place,
                    f"Mail for {name} is taken from anywhere and handed to {target or 'its mail hosts of the DNS'}. A Domain "
                    "Forward gateway takes IP addresses: add one for it.",
                )
            return
        if not target:
            self._draft.rule(place, name, DomainMatch.RECIPIENT, None)
            return
        gateway = self._gateway(place, target, action, node.get("RouteUserName"), GatewayMode.SPECIFIC_DOMAINS)
        if gateway is not None:
            self._draft.rule(place, name, DomainMatch.RECIPIENT, gateway)

    # --- who may send ---

    def _relay_list(self) -> None:
        text = self._text("RelayIpList")
        if not text:
            self._draft.decide(self._at(), "No list of relaying computers is set: name the networks that may send.")
            return
        addresses = relay_addresses(text)
        if addresses is None:
            self._draft.decide(self._at(), "The list of relaying computers has a form that is not known: name them yourself.")
            return
        for address in addresses:
            self._draft.network(self._at(), address, "relayed through IIS")

    def _pickup(self) -> None:
        folder = self._text("PickupDirectory")
        if folder:
            value = {"enabled": True, "folder": folder}
            if bad := self._text("BadMailDirectory"):
                value["rejected_folder"] = bad
            words = f"Messages put as files into {folder} are sent"
            self._draft.setting(self._at(), "pickup", value, words, chosen=False)


def _flags(text: str) -> int:
    if (number := whole(text)) is not None:
        return number
    return sum({_FLAG_NAMES.get(word.strip(), 0) for word in text.split("|")})


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


_HEAD, _MASK, _FIRST = bytes((24, 0, 0, 128)), bytes((255, 255, 255, 255)), 80


def relay_addresses(text: str) -> list[str] | None:
    """The addresses that ``RelayIpList`` grants; None where it has another form than a list of single IPv4 addresses.

    That form is known from published administration scripts: a head, a count at octet 36, and after a mask of four octets
    the addresses from octet 80 on.
    """
    try:
        blob = binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        return None
    if len(blob) < _FIRST or blob[:4] != _HEAD or blob[16] != 1 or blob[_FIRST - 4 : _FIRST] != _MASK:
        return None
    count = int.from_bytes(blob[36:40], "little")
    if len(blob) != _FIRST + 4 * count:
        return None
    return [str(ipaddress.IPv4Address(blob[at : at + 4])) for at in range(_FIRST, len(blob), 4)]
