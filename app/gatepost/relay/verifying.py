"""“Verify Connection” for a gateway as it would be saved, in the words of the control API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from ..model.gateway import Gateway, OutboundGateway, RoundRobinGateway, SpecificDomainsGateway
from ..model.report import SeenCertificate, StageState, VerifyStage
from ..model.secret import Secret
from .common.hop import NextHop
from .delivery.connector import Connector
from .delivery.oauth import TokenSource
from .delivery.probe import ProbeStage, ProbeState, probe
from .delivery.values import Stage
from .routing.hops import gateway_hop, inbound_hops

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


async def verify(
    connector: Connector, gateway: Gateway, password: Secret | None, sender: str, tokens: TokenSource | None
) -> AsyncIterator[VerifyStage]:
    """Stages as they end. Closing the iterator ends the probe. ``tokens``: for a gateway that signs in by OAuth."""
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
