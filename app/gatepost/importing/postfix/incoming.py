"""What Postfix's way in means for Gatepost: listeners, trusted networks, the domains of primary servers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from ...model.address import AddressError, parse_mailbox
from ...model.gateway import GatewayMode
from ...model.listener import ListenerMode, ListenerTls
from ..draft import Draft
from ..proposal import Place, SourceFile
from .main_cf import MainCf, items, logical_lines
from .next_hop import NextHop, parse_next_hop, service_port
from .outgoing import SMTP_TRANSPORTS
from .tables import Entry, Tables


class _Service(NamedTuple):
    """A line of ``master.cf`` that is an SMTP server on the network."""

    host: str
    port: int
    name: str
    options: Mapping[str, str]
    place: Place


class Incoming:
    def __init__(self, settings: MainCf, tables: Tables, draft: Draft) -> None:
        self._settings = settings
        self._tables = tables
        self._draft = draft

    # --- domains of primary servers ---

    def relayed(self, transports: list[Entry]) -> frozenset[str]:
        """Domain Forward gateways from ``relay_domains`` and the transports of these; answers with those transports' keys."""
        found = self._settings.get("relay_domains")
        if found is None:
            return frozenset()
        ways = {entry.key.casefold(): entry for entry in transports}
        behind: dict[tuple[str, int], list[tuple[str, Place]]] = {}
        taken: set[str] = set()
        own = {word.casefold() for word in items(self._settings.text("mydestination"))}
        for domain, place in self._tables.words(found.value, found.place, "The relayed domains"):
            name = domain.casefold()
            if name in own:
                continue
            entry = ways.get(name)
            hop = _destination(entry) if entry is not None else None
            if entry is None or hop is None:
                self._draft.decide(
                    place,
                    f"{domain} is relayed to its mail hosts of the DNS. Gatepost needs to know the primary server's address: "
                    "add a Backup MX or a Domain Forward gateway for it.",
                )
            elif not hop.is_address:
                taken.add(name)
                self._draft.decide(
                    entry.place,
                    f"{domain} is relayed to {hop.host}. A Domain Forward gateway takes IP addresses: add one with the "
                    f"addresses of {hop.host}.",
                )
            else:
                taken.add(name)
                behind.setdefault((hop.host, hop.port), []).append((domain, entry.place))
        recipients = self._recipients() if behind else {}
        for (host, port), domains in behind.items():
            self._domain_forward(host, port, domains, recipients)
        return frozenset(taken)

    def _domain_forward(
        self, host: str, port: int, domains: list[tuple[str, Place]], recipients: Mapping[str, list[str]] | None
    ) -> None:
        names = [f"*{name}" if name.startswith(".") else name for name, _ in domains]
        data: dict[str, Any] = {
            "mode": GatewayMode.DOMAIN_FORWARD, "addresses": [host], "port": port, "domains": names,
        }  # fmt: skip
        known = [address for name in names for address in (recipients or {}).get(name.casefold(), [])]
        if known:
            data["verification"] = {"use_list": True, "addresses": known}
        self._draft.gateway(domains[0][1], data)
        if not known:
            self._draft.decide(
                domains[0][1],
                f"No list of recipients is known for {', '.join(names[:5])}: consider asking the primary (user verification).",
            )

    def _recipients(self) -> dict[str, list[str]]:
        """Addresses of ``relay_recipient_maps`` by domain. A domain with “any address” has none."""
        found = self._settings.get("relay_recipient_maps")
        if found is None or not found.value:
            return {}
        by_domain: dict[str, list[str]] = {}
        anyone: set[str] = set()
        for entry in self._tables.entries(found.value, found.place, "The recipients"):
            local, at, domain = entry.key.rpartition("@")
            if at and not local:
                anyone.add(domain.casefold())
                self._draft.decide(entry.place, f"Every address of {domain} is valid: no list is proposed for it.")
                continue
            try:
                by_domain.setdefault(domain.casefold(), []).append(str(parse_mailbox(entry.key)))
            except AddressError as error:
                self._draft.decide(entry.place, f"This recipient was not understood: {error}.")
        return {domain: addresses for domain, addresses in by_domain.items() if domain not in anyone}

    # --- who may send ---

    def networks(self) -> None:
        found = self._settings.get("mynetworks")
        style = self._settings.text("mynetworks_style")
        if found is None:
            place = self._settings.place("mynetworks_style")
            for network in ("127.0.0.0/8", "::1"):
                self._draft.network(place, network, "this computer")
            if style and style != "host":
                self._draft.decide(place, f"Postfix trusted its networks by style “{style}”: name the networks that may send.")
            return
        for word, place in self._tables.words(found.value, found.place, "The trusted networks"):
            if word.startswith("!"):
                self._draft.left_out(place, f"The exception {word} is not known here: check that no trusted network covers it.")
            else:
                self._draft.network(place, word.replace("[", "").replace("]", ""))

    # --- listeners ---

    def listeners(self, master: SourceFile | None) -> None:
        services = list(_services(master)) if master is not None else []
        if master is None:
            services = [_Service("", 25, "smtp", {}, self._settings.place("inet_interfaces"))]
        for service in services:
            if "content_filter" in service.options and service.host.startswith(("127.", "localhost")):
                words = f"Port {service.port} takes mail back from a content filter; here are spam and virus settings instead."
                self._draft.left_out(service.place, words)
                continue
            for address, chosen in self._addresses(service):
                self._listener(service, address, chosen)

    def _addresses(self, service: _Service) -> Iterator[tuple[str, bool]]:
        """An address to listen on, and whether it is taken over unless a person says otherwise."""
        if service.host and service.host not in ("*", "all"):
            yield "127.0.0.1" if service.host == "localhost" else service.host, True
            return
        names = items(self._settings.text("inet_interfaces", "all"))
        protocols = items(self._settings.text("inet_protocols", "all"))
        for name in names:
            if name in ("all", "loopback-only", "localhost"):
                local = name != "all"
                if "ipv4" in protocols or "all" in protocols:
                    yield "127.0.0.1" if local else "0.0.0.0", True  # noqa: S104 - as Postfix listened
                if "ipv6" in protocols or "all" in protocols:
                    yield "::1" if local else "::", "ipv6" in protocols
            elif name[:1] in "[0123456789":
                yield name.strip("[]"), True
            else:
                place = self._settings.place("inet_interfaces")
                self._draft.decide(
                    place, f"Postfix listened on the address of {name}: choose the address of a listener for it."
                )

    def _listener(self, service: _Service, address: str, chosen: bool) -> None:
        settings, options = self._settings, service.options
        level = options.get("smtpd_tls_security_level") or settings.text("smtpd_tls_security_level")
        if not level:
            level = "encrypt" if settings.is_on("smtpd_enforce_tls") else "may" if settings.is_on("smtpd_use_tls") else "none"
        wrapped = options.get("smtpd_tls_wrappermode", settings.text("smtpd_tls_wrappermode")) == "yes"
        tls = ListenerTls.IMPLICIT if wrapped else {
            "may": ListenerTls.STARTTLS, "encrypt": ListenerTls.STARTTLS_REQUIRED,
        }.get(level, ListenerTls.NONE)  # fmt: skip
        is_submission = service.port in (465, 587) or service.name in ("submission", "submissions", "smtps")
        data: dict[str, Any] = {
            "address": address, "port": service.port, "tls": tls, "description": f"Postfix {service.name}",
            "mode": ListenerMode.SUBMISSION if is_submission else ListenerMode.MX,
        }  # fmt: skip
        if tls is not ListenerTls.NONE:
            data.update(self._certificate(service.place))
        if limits := self._limits():
            data["limits"] = limits
        self._draft.listener(service.place, data, chosen=chosen)

    def _certificate(self, place: Place) -> dict[str, str]:
        settings = self._settings
        chain = items(settings.text("smtpd_tls_chain_files"))
        certificate = settings.text("smtpd_tls_cert_file")
        key = settings.text("smtpd_tls_key_file") or certificate
        if chain:
            if len(chain) > 1:
                where = settings.place("smtpd_tls_chain_files")
                self._draft.decide(where, f"Several chain files are set; the first one is taken: {chain[0]}.")
            certificate = key = chain[0]
        if not certificate or certificate.casefold() == "none":
            self._draft.decide(place, "No certificate file is set: a self-signed one is made until you choose one.")
            return {}
        return {"certificate_file": certificate, "key_file": key}

    def _limits(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, field, low, high in (
            ("smtpd_recipient_limit", "recipients", 100, 100_000),
            ("smtpd_client_connection_count_limit", "connections_per_address", 1, 20_000),
            ("smtpd_hard_error_limit", "errors", 1, 1_000_000),
        ):
            setting = self._settings.get(name)
            if setting is None or not setting.value.isdigit():
                continue
            if low <= int(setting.value) <= high:
                found[field] = int(setting.value)
            else:
                self._draft.decide(
                    setting.place, f"{name} = {setting.value} is outside of {low} to {high}: the default is taken."
                )
        return found


def _destination(entry: Entry) -> NextHop | None:
    transport, _, destination = entry.value.partition(":")
    return parse_next_hop(destination) if transport in SMTP_TRANSPORTS and destination else None


def _services(master: SourceFile) -> Iterator[_Service]:
    """master(5): service, type, private, unprivileged, chroot, wakeup, maxproc, command and its arguments."""
    for line in logical_lines(master.text):
        fields = line.text.split()
        if len(fields) < 8 or fields[1] != "inet" or fields[7] != "smtpd":
            continue
        host, _, name = fields[0].rpartition(":")
        port = service_port(name)
        if port is None:
            continue
        options: dict[str, str] = {}
        for flag, value in pairwise(fields[8:]):
            if flag == "-o" and "=" in value:
                key, _, text = value.partition("=")
                options[key] = text
        yield _Service(host.strip("[]"), port, name, options, Place(master.name, line.number))
