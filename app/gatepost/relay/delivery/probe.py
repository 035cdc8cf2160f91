"""“Verify Connection”: the way to a next hop, stage by stage, with what was seen and what to do about a failure.

It goes through the same ``Connector`` as delivery; only the deadlines are shorter, because a person waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from enum import StrEnum

from ...model.envelope import Recipient
from ...model.gateway import Certificate, CertificateCheck, Encryption
from ...model.reply import Reply
from ..common.hop import NextHop
from .auth import Secrets
from .connection import Connection
from .connector import Connector
from .dialogue import Dialogue
from .oauth import TokenSource
from .tls import describe_certificate
from .values import FailureKind, HopFailure, Job, Outcome, OutcomeState, Stage, TlsState

TOTAL_SECONDS = 60.0
STAGE_SECONDS = 20.0


class ProbeState(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """What the server showed; ``fingerprint`` is what accepting it would pin."""

    subject: str
    names: tuple[str, ...]
    issuer: str
    not_before: str
    """ISO 8601, UTC; likewise ``not_after``."""
    not_after: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ProbeStage:
    """One stage. A RUNNING one is followed by the same name with its result."""

    name: Stage
    state: ProbeState
    milliseconds: float = 0.0
    summary: str = ""
    advice: str = ""
    dialogue: tuple[str, ...] = ()
    """The conversation of this stage."""
    certificate: SeenCertificate | None = None
    """With TLS: what was seen, also when it was not accepted."""


_ORDER = (Stage.RESOLVE, Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.TLS, Stage.AUTH, Stage.MAIL, Stage.RCPT)
_ORDER_IMPLICIT = (
    Stage.RESOLVE, Stage.CONNECT, Stage.TLS, Stage.BANNER, Stage.EHLO, Stage.AUTH, Stage.MAIL, Stage.RCPT,
)  # fmt: skip


async def probe(
    connector: Connector,
    hop: NextHop,
    *,
    sender: str = "",
    recipient: str = "",
    secrets: Secrets | None = None,
    tokens: TokenSource | None = None,
    total_seconds: float = TOTAL_SECONDS,
    stage_seconds: float = STAGE_SECONDS,
) -> AsyncIterator[ProbeStage]:
    """Stages as they begin and end, in the order of the session. Nothing is ever delivered.

    ``recipient`` empty: MAIL only is asked with ``sender``, then RSET. ``secrets`` and
    ``tokens``: a password or client secret that is not stored yet.
    Stop iterating (``aclose``) to cancel; the connection is closed then.
    """
    run = _Probe(connector, hop, sender, recipient, secrets, tokens, stage_seconds)
    task = asyncio.get_running_loop().create_task(run.run(total_seconds), name=f"probe {hop.label}")
    try:
        while (stage := await run.stages.get()) is not None:
            yield stage
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Probe:
    def __init__(
        self,
        connector: Connector,
        hop: NextHop,
        sender: str,
        recipient: str,
        secrets: Secrets | None,
        tokens: TokenSource | None,
        stage_seconds: float,
    ) -> None:
        settings = connector.settings.model_copy(
            update={
                "connect_seconds": min(stage_seconds, connector.settings.connect_seconds),
                "command_seconds": min(stage_seconds, connector.settings.command_seconds),
            }
        )
        self.stages: asyncio.Queue[ProbeStage | None] = asyncio.Queue()
        self._connector = connector.with_settings(settings, secrets, tokens)
        self._hop = hop
        self._sender = sender
        self._recipient = recipient
        self._order = _ORDER_IMPLICIT if hop.encryption is Encryption.IMPLICIT else _ORDER
        self._dialogue = Dialogue(self._enter)
        self._current: Stage | None = None
        self._began = 0.0
        self._times: dict[Stage, float] = {}
        self._announced: set[Stage] = set()

    async def run(self, total_seconds: float) -> None:
        try:
            async with asyncio.timeout(total_seconds):
                await self._run()
        except TimeoutError:
            stage = self._current or Stage.CONNECT
            self._put(
                ProbeStage(
                    stage,
                    ProbeState.FAILED,
                    self._elapsed(),
                    f"No result within {total_seconds:.0f} seconds.",
                    "The server is very slow or does not answer; try again later.",
                )
            )
        finally:
            self.stages.put_nowait(None)

    async def _run(self) -> None:
        try:
            connection = await self._connector.connect(self._hop, self._dialogue)
        except HopFailure as failure:
            self._leave()
            await self._failed(failure)
            return
        self._leave()
        try:
            self._passed(connection)
            await self._ask(connection)
        finally:
            connection.abort()

    # Stages of the set-up: timed as they pass, told with their words when the connector is done with them.

    def _enter(self, stage: Stage) -> None:
        self._leave()
        self._current = stage
        self._began = time.monotonic()
        if stage not in self._announced:
            self._announced.add(stage)
            self._put(ProbeStage(stage, ProbeState.RUNNING))

    def _leave(self) -> None:
        if self._current is not None:
            self._times[self._current] = self._times.get(self._current, 0.0) + self._elapsed()

    def _lines(self, stage: Stage) -> tuple[str, ...]:
        return tuple(self._dialogue.by_stage.get(stage, ()))

    def _elapsed(self) -> float:
        return (time.monotonic() - self._began) * 1000.0

    def _put(self, stage: ProbeStage) -> None:
        self.stages.put_nowait(stage)

    def _result(
        self,
        stage: Stage,
        state: ProbeState,
        summary: str,
        advice: str = "",
        lines: tuple[str, ...] = (),
        certificate: SeenCertificate | None = None,
    ) -> None:
        self._put(ProbeStage(stage, state, self._times.get(stage, 0.0), summary, advice, lines, certificate))

    def _passed(self, connection: Connection) -> None:
        session = connection.session
        features = session.features
        summaries = {
            Stage.RESOLVE: f"{self._hop.host} is known.",
            Stage.CONNECT: f"Connected to {session.address} port {session.port} from {session.source_address}.",
            Stage.BANNER: f"It greets with “{session.greeting}”.",
            Stage.EHLO: f"It offers {', '.join(sorted(features.names)) or 'nothing special'}.",
        }
        for stage in self._order[:6]:
            if stage is Stage.TLS:
                self._tell_tls(session.tls)
            elif stage is Stage.AUTH:
                self._tell_auth(session.user)
            else:
                self._result(stage, ProbeState.PASSED, summaries[stage], "", self._lines(stage))

    def _tell_tls(self, tls: TlsState | None) -> None:
        lines = self._lines(Stage.TLS)
        if tls is None:
            if self._hop.encryption is Encryption.NONE:
                self._result(Stage.TLS, ProbeState.SKIPPED, "Not wanted: everything travels unencrypted.")
            else:
                self._result(
                    Stage.TLS,
                    ProbeState.WARNING,
                    "The server offered no usable encryption: mail would travel unencrypted.",
                    "Ask the server's administrator to offer STARTTLS, or try “TLS from the start” on port 465.",
                    lines,
                )
            return
        seen = seen_certificate(tls)
        if tls.verified:
            self._result(Stage.TLS, ProbeState.PASSED, f"{tls}; the certificate is accepted.", "", lines, seen)
            return
        self._result(
            Stage.TLS,
            ProbeState.WARNING,
            f"{tls}; the certificate is not checked.",
            "To be sure who is at the other end, accept only this certificate by its fingerprint, or check it against "
            "this computer's trusted authorities.",
            lines,
            seen,
        )

    def _tell_auth(self, user: str) -> None:
        if user:
            self._result(Stage.AUTH, ProbeState.PASSED, f"Signed in as “{user}”.", "", self._lines(Stage.AUTH))
        else:
            self._result(Stage.AUTH, ProbeState.SKIPPED, "No sign-in is set up.")

    async def _failed(self, failure: HopFailure) -> None:
        certificate = None
        if failure.kind is FailureKind.CERTIFICATE:
            certificate = await self._look_at_certificate()
        for stage in self._order:
            if stage is failure.stage:
                self._result(stage, ProbeState.FAILED, failure.text, failure.hint, self._lines(stage), certificate)
                break
            if stage in self._announced:
                self._result(stage, ProbeState.PASSED, "", "", self._lines(stage))
            else:
                self._result(stage, ProbeState.SKIPPED, "Not reached.")
        for stage in self._order[self._order.index(failure.stage) + 1 :]:
            self._result(stage, ProbeState.SKIPPED, "Not reached.")

    async def _look_at_certificate(self) -> SeenCertificate | None:
        """A second session that accepts any certificate, says nothing beyond EHLO, and closes."""
        hop = replace(self._hop, certificate=Certificate(check=CertificateCheck.NONE), auth=None)
        try:
            connection = await self._connector.connect(hop)
        except HopFailure:
            return None  # the failure that counts has been told
        tls = connection.session.tls
        connection.abort()
        return seen_certificate(tls) if tls is not None else None

    # MAIL and RCPT, on the real sender

    async def _ask(self, connection: Connection) -> None:
        self._enter(Stage.MAIL)
        recipients = (Recipient(self._recipient),) if self._recipient else ()
        outcome = await ask(connection, Job(self._sender, recipients, None))
        self._leave()
        mail = outcome.mail
        said: tuple[str, ...] = (f"C: MAIL FROM:<{self._sender}>", f"S: {mail}") if mail is not None else ()
        shown = f"<{self._sender}>"
        if mail is None or outcome.state is not OutcomeState.COMPLETED:
            what = outcome.failure.text if outcome.failure is not None else str(outcome.final or outcome.state)
            self._result(Stage.MAIL, ProbeState.FAILED, f"The sender {shown} got no answer. {what}", "Try again later.", said)
            self._result(Stage.RCPT, ProbeState.SKIPPED, "Not reached.")
            return
        if not mail.is_positive:
            self._result(
                Stage.MAIL, ProbeState.FAILED, f"The sender {shown} was refused: “{mail}”.", _mail_advice(mail, self._hop), said
            )
            self._result(Stage.RCPT, ProbeState.SKIPPED, "Not reached.")
            return
        self._result(Stage.MAIL, ProbeState.PASSED, f"The sender {shown} is accepted.", "", said)
        if not recipients:
            self._result(Stage.RCPT, ProbeState.SKIPPED, "No recipient was given to try.")
            return
        reply = outcome.recipients[0]
        assert reply is not None  # noqa: S101 - COMPLETED with an accepted sender answers every recipient
        said = (f"C: RCPT TO:<{self._recipient}>", f"S: {reply}", "C: RSET")
        if reply.is_positive:
            self._result(Stage.RCPT, ProbeState.PASSED, f"<{self._recipient}> is accepted. Nothing was sent.", "", said)
        else:
            state = ProbeState.WARNING if reply.is_transient else ProbeState.FAILED
            self._result(
                Stage.RCPT, state, f"<{self._recipient}> was refused: “{reply}”.", _rcpt_advice(reply, self._hop), said
            )


async def ask(connection: Connection, job: Job) -> Outcome:
    """Run one job on a connection of one's own and wait for its outcome."""
    source = _OneJob(job, asyncio.get_running_loop().create_future())
    connection.run(source)
    return await source.outcome


class _OneJob:
    """A source with a single job."""

    def __init__(self, job: Job, outcome: asyncio.Future[Outcome]) -> None:
        self._job: Job | None = job
        self.outcome = outcome

    def next_job(self, connection: Connection, ahead: bool) -> Job | None:
        job, self._job = self._job, None
        return job

    def job_done(self, connection: Connection, job: Job, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def connection_idle(self, connection: Connection) -> None:
        connection.finish()

    def connection_closed(self, connection: Connection, failure: HopFailure | None) -> None:
        """Each job has been reported before."""


def seen_certificate(tls: TlsState) -> SeenCertificate | None:
    described = describe_certificate(tls)
    if described is None:
        return SeenCertificate("", (), "", "", "", tls.fingerprint)
    return SeenCertificate(
        described.subject,
        described.names,
        described.issuer,
        described.not_before.isoformat(),
        described.not_after.isoformat(),
        described.fingerprint,
    )


def _mail_advice(reply: Reply, hop: NextHop) -> str:
    if reply.code == 530 or "authentication" in reply.text.lower():
        if hop.auth is None:
            return "The server wants a sign-in: enable authentication for this gateway."
        return "The server wants another sign-in; check the username."
    if reply.enhanced in ("5.7.60", "5.7.61"):
        return "The account may not send as this sender: give it “Send As” for that mailbox in the Exchange admin center."
    if reply.is_transient:
        return "The server puts it off; mail would be tried again later."
    return "The server may accept only senders of its own domains: check the sender address or the account."


def _rcpt_advice(reply: Reply, hop: NextHop) -> str:
    text = reply.text.lower()
    if "relay" in text or reply.enhanced == "5.7.1":
        if hop.auth is None:
            return "The server does not relay for us: enable authentication, or have this computer's address allowed there."
        return "The account may not send to this recipient: ask the server's administrator."
    if reply.is_transient:
        return "Greylisting or a passing problem: delivery tries again by itself."
    return "The server does not take mail for this address; try another recipient."
