"""Who may send to whom. Pure: a snapshot of the configuration in, a decision out.

Only three kinds of client may relay: trusted networks, the primaries of enabled inbound gateways, and authenticated users.
Everyone else reaches the domains of inbound gateways, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...model.access import RelayUser
from ...model.address import Mailbox, is_domain_pattern_match, normalise_literal, parse_mailbox
from ...model.configuration import Configuration
from ...model.gateway import DomainForwardGateway, DomainVerification, InboundGateway
from ...model.listener import ListenerMode
from ...model.network import AddressSet, IPAddress, parse_ip
from . import replies
from .replies import Refusal

_MAX_KNOWN_CLIENTS = 4096


@dataclass(frozen=True, slots=True)
class Client:
    """What an address is to us."""

    address: str
    """Normalised text; an IPv4-mapped IPv6 address as IPv4. Empty when it is unknown (then it may do nothing)."""
    bucket: str
    """What connections are counted by: the address, or the /64 of an IPv6 one."""
    is_trusted: bool = False
    is_primary: bool = False
    is_loopback: bool = False
    is_proxy: bool = False

    @property
    def may_relay(self) -> bool:
        return self.is_trusted or self.is_primary


class Decision(NamedTuple):
    """``refusal`` None: the address may be taken, unless ``ask`` says that the recipient policy has the last word."""

    refusal: Refusal | None
    address: str = ""
    """The recipient as it goes on; differs from what was given for postmaster."""
    domain: str = ""
    gateway: InboundGateway | None = None
    ask: bool = False


class Admission:
    """One configuration's rules. ``proxies``: addresses whose PROXY header this listener believes."""

    def __init__(self, configuration: Configuration, host_name: str, proxies: tuple[str, ...] = ()) -> None:
        self.users: dict[str, RelayUser] = {
            user.username.casefold(): user for user in configuration.users if user.enabled and user.verifier
        }
        self._trusted = AddressSet(item.network for item in configuration.trusted_networks)
        self._primaries = AddressSet(text for g in configuration.inbound if g.enabled for text in g.addresses)
        self._proxies = AddressSet(proxies)
        self._own_name = host_name.lower()
        postmaster = configuration.postmaster
        self._postmaster = parse_mailbox(postmaster) if postmaster else None
        self._exact: dict[str, InboundGateway] = {}
        self._wildcards: list[tuple[str, InboundGateway]] = []
        self._all_but: list[tuple[DomainForwardGateway, AddressSet]] = []
        for gateway in configuration.fronting:
            self._add(gateway)
        self._wildcards.sort(key=lambda item: -len(item[0]))
        self._clients: dict[str, Client] = {}

    def _add(self, gateway: InboundGateway) -> None:
        if isinstance(gateway, DomainForwardGateway):
            if gateway.domain_verification is DomainVerification.ALL_BUT_SPECIFIED:
                self._all_but.append((gateway, AddressSet(gateway.addresses)))
                return
            if gateway.domain_verification is DomainVerification.WEB_SERVICE:
                return
        for pattern in gateway.domains:
            if pattern.startswith("*"):
                self._wildcards.append((pattern, gateway))
            else:
                self._exact.setdefault(pattern, gateway)

    # --- clients -----------------------------------------------------------------------------------------------------

    def client(self, address: str) -> Client:
        """``address`` as the socket or a proxy gives it."""
        known = self._clients.get(address)
        if known is None:
            if len(self._clients) >= _MAX_KNOWN_CLIENTS:
                self._clients.clear()
            known = self._clients[address] = self._classify(address)
        return known

    def _classify(self, text: str) -> Client:
        try:
            ip = parse_ip(text)
        except ValueError:
            return Client("", "unknown")
        return Client(
            ip.compressed,
            ip.compressed if ip.version == 4 else f"{int(ip) >> 64:x}::/64",
            ip in self._trusted,
            ip in self._primaries,
            ip.is_loopback,
            ip in self._proxies,
        )

    # --- senders and recipients --------------------------------------------------------------------------------------

    @staticmethod
    def is_served(client: Client, mode: ListenerMode) -> bool:
        """Whether a listener says more to this client than that it is not for it."""
        return mode is not ListenerMode.TRUSTED or client.may_relay

    @staticmethod
    def sender(client: Client, is_authenticated: bool, mode: ListenerMode) -> Refusal | None:
        """At MAIL: may this client begin a transaction here at all?"""
        if mode is ListenerMode.SUBMISSION and not (is_authenticated or client.may_relay):
            return replies.AUTH_REQUIRED
        return None

    def recipient(self, client: Client, is_authenticated: bool, mailbox: Mailbox | None, local_address: str) -> Decision:
        """At RCPT. ``mailbox`` None: ``<postmaster>``. ``local_address``: our end of the connection; asked of literals only."""
        may_relay = is_authenticated or client.may_relay
        if mailbox is None:
            return self._to_postmaster()
        domain = mailbox.domain
        if mailbox.is_literal:
            if self._is_own_literal(domain, local_address):
                return self._at_own_name(mailbox)
            return Decision(replies.NO_LITERALS if may_relay else replies.RELAY_DENIED)
        gateway = self.gateway_for(domain, client)
        if gateway is None:
            if domain == self._own_name:
                return self._at_own_name(mailbox)
            if may_relay:
                return Decision(None, str(mailbox), domain)
        if not may_relay and _names_another_route(mailbox.local):
            return Decision(replies.TRICK_ADDRESS)
        if gateway is not None and not gateway.enabled:
            return Decision(replies.GATEWAY_DISABLED)
        return Decision(None, str(mailbox), domain, gateway, ask=True)

    def gateway_for(self, domain: str, client: Client) -> InboundGateway | None:
        """The inbound gateway whose list names a domain, enabled or not. A primary's own mail to the world is not “all
        but” mail for itself."""
        found = self._exact.get(domain)
        if found is not None:
            return found
        for pattern, gateway in self._wildcards:
            if is_domain_pattern_match(pattern, domain):
                return gateway
        for forward, addresses in self._all_but:
            if any(is_domain_pattern_match(pattern, domain) for pattern in forward.domains):
                continue
            if domain == self._own_name or (client.is_primary and _parsed(client.address) in addresses):
                continue
            return forward
        return None

    def _to_postmaster(self) -> Decision:
        if self._postmaster is None:
            return Decision(replies.NO_POSTMASTER)
        domain = self._postmaster.domain
        return Decision(None, str(self._postmaster), domain, self._exact.get(domain))

    def _at_own_name(self, mailbox: Mailbox) -> Decision:
        if mailbox.local.lower() == "postmaster":
            return self._to_postmaster()
        return Decision(replies.NO_SUCH_USER_HERE)

    @staticmethod
    def _is_own_literal(domain: str, local_address: str) -> bool:
        if not local_address:
            return False
        ip = _parsed(local_address)
        return domain == normalise_literal(f"[IPv6:{ip}]" if ip.version == 6 else f"[{ip}]")


def _parsed(address: str) -> IPAddress:
    return parse_ip(address)


def _names_another_route(local: str) -> bool:
    """Percent hack, bang path, a quoted address within the local part: a primary that trusts us might follow them."""
    return "%" in local or "!" in local or "@" in local or local.startswith("|") or ("/" in local and local.startswith('"'))
