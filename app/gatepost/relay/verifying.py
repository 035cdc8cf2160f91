"""“Verify Connection” for a gateway as it would be saved, in the words of the control API.

Import it only where it is asked for: it brings the probe, which is seldom needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING

from ..model.gateway import Gateway, OutboundGateway, RoundRobinGateway, SpecificDomainsGateway
from ..model.report import SeenCertificate, StageState, VerifyStage
from ..model.secret import Secret
from .common.hop import NextHop
from .delivery.connector import Connector
from .delivery.oauth import TokenSource
from .delivery.probe import ProbeStage, ProbeState, probe
from .delivery.values import Stage
from .oauth.tokens import Tokens
from .routing.hops import gateway_hop, inbound_hops
from .secret_hosts import refuse_another_host

if TYPE_CHECKING:
    from .service import RelayService

NAMES = {
    Stage.RESOLVE: ("dns", "Find the server's address"),
    Stage.CONNECT: ("tcp", "Connect"),
    Stage.BANNER: ("banner", "Greeting"),
    Stage.EHLO: ("ehlo", "Introduce ourselves"),
    Stage.TLS: ("tls", "Encryption and certificate"),
    Stage.AUTH: ("auth", "Sign in"),
    Stage.MAIL: ("envelope", "Sender"),
    Stage.RCPT: ("recipient", "Recipient"),
}
_STATES = {
    ProbeState.PASSED: StageState.PASSED,
    ProbeState.WARNING: StageState.WARNING,
    ProbeState.FAILED: StageState.FAILED,
    ProbeState.SKIPPED: StageState.SKIPPED,
}


class TypedSecrets:
    """The password that was just typed, instead of the stored one."""

    def __init__(self, password: Secret) -> None:
        self._password = password

    async def get(self, name: str) -> Secret | None:
        return self._password


async def verify_gateway(
    service: RelayService, gateway: Gateway, typed: Secret | None, tokens: Tokens | None = None
) -> AsyncIterator[VerifyStage]:
    """Stages as they end. Closing the iterator ends the probe.

    ``typed``: the password, or the client secret of a gateway that signs in by OAuth. Raises InvalidInput or Conflict where
    what is stored would go to another host than it is stored for.
    """
    if typed is None:
        refuse_another_host(service.configuration.gateway(gateway.id), gateway)

    sender = service.configuration.settings.server.postmaster or ""
    account = gateway.oauth_account if isinstance(gateway, OutboundGateway) else None
    own = service.oauth.tokens_for(account, typed) if account is not None and tokens is None else None
    try:
        stages = _verify(service.connector, gateway, typed if account is None else None, sender, tokens or own)
        async with aclosing(stages):  # type: ignore[type-var]
            async for stage in stages:
                yield stage
    finally:
        if own is not None and own is not service.oauth.tokens:
            await own.close()


async def _verify(
    connector: Connector, gateway: Gateway, password: Secret | None, sender: str, tokens: TokenSource | None
) -> AsyncIterator[VerifyStage]:
    """``tokens``: for a gateway that signs in by OAuth."""
    secrets = TypedSecrets(password) if password is not None else None
    stages = probe(connector, _hop(gateway), sender=sender, secrets=secrets, tokens=tokens)
    try:
        async for stage in stages:
            if stage.state is not ProbeState.RUNNING:
                yield _reported(stage)
    finally:
        await stages.aclose()  # type: ignore[attr-defined]


def _hop(gateway: Gateway) -> NextHop:
    if isinstance(gateway, RoundRobinGateway | SpecificDomainsGateway):
        outbound: OutboundGateway = gateway
        return gateway_hop(outbound)
    return inbound_hops(gateway)[0]


def _reported(stage: ProbeStage) -> VerifyStage:
    name, title = NAMES.get(stage.name, (stage.name.value, stage.name.value))
    seen = stage.certificate
    certificate = None
    if seen is not None:
        not_after = datetime.fromisoformat(seen.not_after).timestamp()
        trusted = stage.state is ProbeState.PASSED
        certificate = SeenCertificate(seen.fingerprint, seen.subject, seen.issuer, not_after, trusted)
    return VerifyStage(
        stage=name,
        title=title,
        state=_STATES[stage.state],
        seconds=stage.milliseconds / 1000,
        result=stage.summary,
        advice=stage.advice,
        dialogue=stage.dialogue,
        certificate=certificate,
    )
