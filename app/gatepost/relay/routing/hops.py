"""What connecting to each next hop takes, as configuration and DNS say it."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.capture import Deliver
from ...model.configuration import Configuration
from ...model.gateway import Certificate, CertificateCheck, Encryption, InboundGateway, Limits, OutboundGateway
from ..common.hop import HopAuth, HopKind, Lane, NextHop
from .mx import MxHost

MAX_CANDIDATES = 10
"""Addresses tried for one message in one attempt."""

_UNVERIFIED = Certificate(check=CertificateCheck.NONE)


def gateway_hop(gateway: OutboundGateway) -> NextHop:
    auth = gateway.auth
    return NextHop(
        key=Lane.gateway(gateway.id),
        kind=HopKind.GATEWAY,
        label=_label(gateway.description, f"{_bracketed(gateway.host)}:{gateway.port}"),
        host=gateway.host,
        port=gateway.port,
        encryption=gateway.encryption,
        certificate=gateway.certificate,
        limits=gateway.limits,
        gateway_id=gateway.id,
        auth=HopAuth(auth.username, gateway.password_secret, auth.allow_cleartext, gateway.oauth_account)
        if auth.enabled
        else None,
        source_addresses=gateway.source_addresses,
        ehlo_name=gateway.ehlo_name,
        is_standby=gateway.standby,
        handling=None if isinstance(gateway.handling, Deliver) else gateway.handling,
    )


def inbound_hops(gateway: InboundGateway) -> tuple[NextHop, ...]:
    """One hop for each address of the primary, in the administrator's order."""
    return tuple(
        NextHop(
            key=Lane.inbound(gateway.id),
            kind=HopKind.INBOUND,
            label=_label(gateway.description, f"{_bracketed(address)}:{gateway.port}"),
            host=address,
            port=gateway.port,
            encryption=gateway.encryption,
            certificate=gateway.certificate,
            limits=gateway.limits,
            gateway_id=gateway.id,
            address=address,
        )
        for address in gateway.targets
    )


def configured_hops(configuration: Configuration) -> Iterator[NextHop]:
    """Every hop that enabled gateways stand for, as it is configured now."""
    for gateway in configuration.outbound:
        if gateway.enabled:
            yield gateway_hop(gateway)
    for inbound in configuration.inbound:
        if inbound.enabled:
            yield from inbound_hops(inbound)


def mx_hops(domain: str, host: MxHost, configuration: Configuration) -> tuple[NextHop, ...]:
    """One hop for each address of a mail host. STARTTLS when offered; its certificate proves nothing without DANE or
    MTA-STS and is not checked."""
    delivery = configuration.settings.delivery
    limits = Limits(connections=delivery.direct_connections)
    return tuple(
        NextHop(
            key=Lane.mx(domain),
            kind=HopKind.MX,
            label=host.name if host.name == address else f"{host.name} ({_bracketed(address)}:{delivery.direct_port})",
            host=host.name,
            port=delivery.direct_port,
            encryption=Encryption.OPPORTUNISTIC,
            certificate=_UNVERIFIED,
            limits=limits,
            address=address,
        )
        for address in host.addresses
    )


def health_key(hop: NextHop) -> str:
    """What rests when the hop fails: the gateway, the one address of a primary, or a mail host's address for every
    domain that it serves."""
    if hop.kind is HopKind.GATEWAY:
        return hop.key
    return hop.address_key if hop.kind is HopKind.INBOUND else f"address:{hop.address or hop.host}:{hop.port}"


def source_key(gateway_id: str, address: str) -> str:
    """Names one sending address of a gateway in health."""
    return f"{Lane.gateway(gateway_id)}@{address}"


def _label(description: str, where: str) -> str:
    return f"{where} ({description})" if description else where


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
