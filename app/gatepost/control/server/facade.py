"""What the control API asks of the relay service, and nothing more.

The service implements this protocol; the server never reaches past it. Every failure that a person should read is a
``GatepostError`` (``NotFound``, ``Conflict``, ``InvalidInput``, ``Unavailable``, …). Methods may be called concurrently;
none blocks the event loop. Passwords come in as ``Secret`` and no method gives one out.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...model.configuration import Configuration
from ...model.dkim import DkimAlgorithm
from ...model.gateway import Gateway
from ...model.remote import RemoteReport, RemoteSettings, TokenReport
from ...model.report import (
    AlarmReport,
    CertificateReport,
    Changed,
    DkimCheck,
    Explanation,
    GatewayReport,
    MinuteFigures,
    OAuthReport,
    OAuthSignIn,
    Problem,
    QuarantineOperation,
    RelayReport,
    Revision,
    SecretReport,
    SmarterMailReport,
    SpoolOperation,
    StorageReport,
    TestMessage,
    VaultReport,
    VerifyStage,
)
from ...model.secret import Secret
from ...relay.common.events import Event
from ...relay.common.plan import HopHealth
from ...relay.verification.verdict import KnownVerdict
from ...store.captured_values import CapturedEntry, CapturedFilter, CapturedOrder, CapturedRow
from ...store.journal_values import JournalEntry, TrackedMessage, TrackPage, TrackQuery
from ...store.quarantine_values import QuarantineEntry, QuarantineFilter, QuarantineOrder, QuarantineRow
from ...store.values import SpoolCounts, SpoolFilter, SpoolMessage, SpoolOrder, SpoolRow

if TYPE_CHECKING:  # with the mail parser, which most relays never need
    from ...relay.capture.parts import Part
    from ...relay.capture_desk import CapturedDetail, TrayState


class SpoolFacade(Protocol):
    """Mail that waits, and what is done with it."""

    async def counts(self) -> SpoolCounts: ...

    async def list(
        self, chosen: SpoolFilter, *, order: SpoolOrder, descending: bool, offset: int, limit: int
    ) -> Sequence[SpoolRow]: ...

    async def count(self, chosen: SpoolFilter) -> int: ...

    async def ids(self, chosen: SpoolFilter, *, order: SpoolOrder, descending: bool, limit: int) -> array[int]:
        """Ids of deliveries in the order shown, for lists that fetch their rows page by page."""

    async def message(self, message_id: int) -> SpoolMessage | None: ...

    async def content(self, message_id: int) -> bytes | Path:
        """The message as received, or the file that holds it. Raises NotFound."""

    async def operate(
        self,
        operation: SpoolOperation,
        chosen: SpoolFilter,
        *,
        author: str,
        gateway: str | None = None,
        priority: int | None = None,
        reason: str = "",
    ) -> int:
        """Apply to every delivery that matches; returns how many. ``gateway`` for REROUTE (None: back to the routes),
        ``priority`` for PRIORITY, ``reason`` for HOLD and FAIL."""


class QuarantineFacade(Protocol):
    """What inspection holds for a person's decision."""

    async def list(
        self, chosen: QuarantineFilter, *, order: QuarantineOrder, descending: bool, offset: int, limit: int
    ) -> Sequence[QuarantineRow]: ...

    async def ids(self, chosen: QuarantineFilter, *, order: QuarantineOrder, descending: bool, limit: int) -> array[int]:
        """Message ids in the order shown, for lists that fetch their rows page by page."""

    async def count(self, chosen: QuarantineFilter) -> int: ...

    async def entry(self, message_id: int) -> QuarantineEntry:
        """One message with the whole arithmetic. Raises NotFound when it is not in quarantine."""

    async def operate(self, operation: QuarantineOperation, chosen: QuarantineFilter, *, author: str) -> int:
        """Apply to every message that matches; returns how many left the quarantine."""


class CaptureFacade(Protocol):
    """The test inbox."""

    async def trays(self) -> Sequence[TrayState]: ...

    async def list(
        self, chosen: CapturedFilter, *, order: CapturedOrder, descending: bool, offset: int, limit: int
    ) -> Sequence[CapturedRow]: ...

    async def ids(self, chosen: CapturedFilter, *, order: CapturedOrder, descending: bool, limit: int) -> array[int]: ...

    async def count(self, chosen: CapturedFilter) -> int: ...

    async def wait(self, chosen: CapturedFilter, seconds: float) -> tuple[CapturedRow | None, int]:
        """The oldest that matches with an id above ``chosen.after``, as soon as there is one; and the id to go on from."""

    async def entry(self, number: int) -> CapturedEntry:
        """Raises NotFound."""

    async def detail(self, number: int) -> CapturedDetail:
        """One message taken apart. Raises NotFound."""

    async def part(self, number: int, part: str) -> tuple[Part, bytes]:
        """One part, decoded. Raises NotFound."""

    async def delete(self, chosen: CapturedFilter, *, author: str) -> int:
        """Delete all that match; how many."""

    async def release(self, number: int, *, gateway: str | None, recipients: Sequence[str] | None, author: str) -> str:
        """Put it into the spool as new mail; returns its queue id. Raises NotFound."""

    async def release_all(self, chosen: CapturedFilter, *, gateway: str | None, author: str) -> int:
        """All that match; how many."""


class DkimFacade(Protocol):
    async def make_key(self, key_id: str, algorithm: DkimAlgorithm) -> str:
        """Make a pair of keys, put the private one into the vault under the id, and return the public one."""

    async def check(self, key_id: str) -> DkimCheck:
        """Compare what DNS publishes with what it should. Raises NotFound."""


class RemoteFacade(Protocol):
    """Remote administration: its tokens, its certificate, how it stands."""

    @property
    def host_name(self) -> str: ...

    async def tokens(self) -> Sequence[TokenReport]: ...

    async def make_token(self, name: str, author: str) -> tuple[TokenReport, Secret]:
        """A new token: the only secret that the API ever gives out, once, to whoever made it."""

    async def revoke_token(self, token_id: str, author: str) -> None:
        """Raises NotFound."""

    async def identify(self, shown: str, address: str) -> TokenReport | None:
        """The token that was shown, or None. Raises TooManyFailures for an address that guesses."""

    async def certificate(self, settings: RemoteSettings) -> CertificateReport:
        """What the port shall use; what is wrong with it is part of the answer."""

    async def renew_certificate(self) -> None: ...

    def tell(self, report: RemoteReport) -> None:
        """What the port has to say of itself."""

    async def report(self) -> RemoteReport: ...


class OAuthFacade(Protocol):
    """Sign-ins by OAuth 2.0. A gateway given by its id is the one in force; given as itself, as it would be saved. ``typed``
    is a client secret that is not stored yet. Raises NotFound, InvalidInput, and Unavailable in words that say what to do."""

    async def begin(self, gateway: Gateway | str, typed: Secret | None, redirect_uri: str) -> OAuthSignIn:
        """A person's sign-in: where to send the browser. ``redirect_uri`` is the front-end's listener on this computer."""

    async def complete(self, gateway_id: str, state: str, code: Secret, error: str, description: str) -> OAuthReport:
        """What the browser came back with; a sign-in is completed once."""

    async def status(self, gateway_id: str) -> OAuthReport: ...

    async def forget(self, gateway_id: str) -> OAuthReport:
        """Sign out."""

    def doctor(self, gateway: Gateway | str, typed: Secret | None) -> AsyncIterator[VerifyStage]:
        """Look at every step, the connection's included. An async generator, as ``verify_gateway``."""


class RelayFacade(Protocol):
    @property
    def remote(self) -> RemoteFacade: ...

    @property
    def spool(self) -> SpoolFacade: ...

    @property
    def quarantine(self) -> QuarantineFacade: ...

    @property
    def captured(self) -> CaptureFacade: ...

    @property
    def dkim(self) -> DkimFacade: ...

    @property
    def oauth(self) -> OAuthFacade: ...

    # --- the relay and its mail plane ---

    async def report(self) -> RelayReport: ...

    async def start(self) -> None:
        """Open the listeners and deliver. Does nothing when it runs already."""

    async def stop(self) -> None:
        """Close the listeners, finish what is under way, deliver no more. The process and this API go on."""

    async def pause_delivery(self) -> None: ...

    async def resume_delivery(self) -> None: ...

    def tell_problem(self, subject: str, problem: Problem | None) -> None:
        """Something beside the relay that the report shall show with its own problems; None: it is over."""

    async def storage(self) -> StorageReport: ...

    async def alarms(self) -> Sequence[AlarmReport]:
        """Trouble that has lasted, the oldest first."""

    async def test_alarm(self) -> Sequence[str]:
        """Send a notice that nothing is wrong to whom Settings → Alarms names; the queue ids. Raises Conflict for nobody."""

    async def shut_down(self) -> None:
        """End the process in good order. Returns at once, so that the answer still reaches the client."""

    # --- configuration ---

    async def configuration(self) -> tuple[Configuration, int]:
        """The configuration in force and its revision."""

    async def change(
        self,
        change: Callable[[Configuration], Configuration],
        *,
        author: str,
        expected_revision: int | None = None,
        note: str = "",
        dry_run: bool = False,
    ) -> Changed:
        """Replace the configuration by ``change(current)``, all or nothing, and put it in force.

        Changes are made one after the other, so ``change`` sees the newest configuration; it is pure and may raise
        (``InvalidInput``, ``NotFound``), which changes nothing. Raises Conflict when ``expected_revision`` is given and is not
        the current one. A result equal to the current configuration makes no revision. ``dry_run`` says what would happen.
        """

    async def revisions(self, *, limit: int, before: int | None = None) -> Sequence[Revision]:
        """Newest first; with ``before``, only those with a smaller number."""

    async def revision(self, number: int) -> Configuration:
        """Raises NotFound."""

    # --- secrets ---

    async def set_secret(self, name: str, secret: Secret) -> None: ...

    async def delete_secret(self, name: str) -> None:
        """Deleting what is not there is no error."""

    async def secrets(self) -> Sequence[SecretReport]: ...

    async def renew_vault_key(self) -> int:
        """Seal every secret anew under a new key; how many there are. Raises Unavailable where there is no such key."""

    async def vault(self) -> VaultReport: ...

    async def make_verifier(self, password: Secret) -> str:
        """A salted scrypt verifier for a relay user, computed off the loop."""

    # --- certificates ---

    async def certificates(self) -> Sequence[CertificateReport]:
        """Of every listener that has TLS."""

    async def inspect_certificate(self, certificate_file: str, key_file: str) -> CertificateReport:
        """Of files that the relay can read; what is wrong with them is part of the answer."""

    # --- gateways ---

    async def gateways(self) -> Sequence[GatewayReport]:
        """One for each gateway of the configuration in force."""

    async def health(self) -> Sequence[HopHealth]: ...

    def verify_gateway(self, gateway: Gateway, password: Secret | None) -> AsyncIterator[VerifyStage]:
        """Probe a gateway as it would be saved. ``password`` is the one just typed (for OAuth: the client secret); None takes
        the stored one, and raises InvalidInput (Conflict for a sign-in by OAuth) where the draft names another host than
        that is stored for.

        An async generator: closing it ends the probe.
        """

    async def test_smartermail(self, gateway: Gateway, password: Secret | None) -> SmarterMailReport:
        """Log in to the SmarterMail server on a gateway's card as it would be saved, list its domains, count its users.

        ``password`` as for ``verify_gateway``, likewise InvalidInput. Raises Unavailable with what was seen and the way out.
        """

    # --- seeing ---

    async def track(self, query: TrackQuery) -> TrackPage: ...

    async def timeline(self, message_id: int) -> tuple[TrackedMessage, Sequence[JournalEntry]]:
        """Raises NotFound for what tracking does not know (any more)."""

    async def explain(
        self, *, sender: str, recipient: str, client: str, user: str, configuration: Configuration | None
    ) -> Explanation:
        """``client`` is an IP address or empty, ``user`` a relay user who signed in or empty. ``configuration`` is a draft to
        explain instead of what is in force."""

    async def send_test(self, message: TestMessage) -> str:
        """Put a test message into the spool; returns its queue id."""

    async def verdicts(self, text: str, gateway: str, limit: int) -> Sequence[KnownVerdict]:
        """Remembered recipient verdicts; ``text`` is looked for in the address, ``gateway`` empty means all."""

    async def forget_verdicts(self, gateway: str, address: str) -> int:
        """Flush the verdicts of a gateway, of one address, or (both empty) all; returns how many."""

    # --- figures and events ---

    async def totals(self) -> Mapping[tuple[str, str], int]:
        """Counters since the start, by (name, label)."""

    async def history(self, minutes: int, step: int = 1) -> Sequence[MinuteFigures]:
        """Sums for ``step`` minutes each, oldest first; those in which nothing happened are left out."""

    def subscribe(self, subscriber: Callable[[Event], None], *kinds: str) -> Callable[[], None]:
        """Call ``subscriber`` on the loop for each event of these kinds (none named: of all), until the function that is
        returned is called."""
