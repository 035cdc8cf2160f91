"""What a person should know of a configuration that is valid all the same."""

from __future__ import annotations

from ..model.configuration import Configuration
from ..model.gateway import CertificateCheck, Encryption
from ..model.listener import ListenerMode
from .capturing import not_delivering


def warnings_of(configuration: Configuration) -> list[str]:
    """One sentence each."""
    found: list[str] = []
    for gateway in configuration.outbound:
        if gateway.auth.enabled and gateway.auth.allow_cleartext and gateway.encryption in (
            Encryption.NONE, Encryption.OPPORTUNISTIC,
        ):  # fmt: skip
            what = "token" if gateway.auth.is_oauth else "password"
            found.append(f"{gateway.label}: the {what} may travel unencrypted.")
        if gateway.encryption is not Encryption.NONE and gateway.certificate.check is CertificateCheck.NONE:
            found.append(f"{gateway.label}: its certificate is not verified.")
    if not configuration.spam.has_sources:
        found.extend(
            f"{gateway.label}: its spam rules are on, but no source is: every message scores 0."
            for gateway in configuration.inbound
            if gateway.spam.enabled
        )
    for one in not_delivering(configuration):
        where = f": all of it goes to {one.address}" if one.address else ""
        found.append(f"Mail of the {one.kind} {one.label} is not simply delivered ({one.handling}{where}).")
    if len({gateway.handling.action for gateway in configuration.round_robin if gateway.enabled}) > 1:
        found.append("Gateways that take turns handle mail differently: what one captures or redirects, another delivers.")
    if configuration.postmaster is None and any(
        item.enabled and item.mode is ListenerMode.MX for item in configuration.listeners
    ):
        found.append("Nobody gets the mail for this server's postmaster: set server.postmaster in the settings.")
    found.extend(
        f"Trusted network {network.network} covers (nearly) the whole internet: this is an open relay."
        for network in configuration.trusted_networks
        if network.is_world
    )
    return found
