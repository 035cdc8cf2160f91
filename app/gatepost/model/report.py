"""What a relay says about itself: the values that the service fills in and that front-ends show.

Plain frozen dataclasses of JSON-able parts. Times are seconds since the epoch, ``None``: never or not known. Texts are for
people, on one line, and never hold a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

API_VERSION = 1
"""Of the control API. A client and a relay with different numbers do not talk to each other."""

# --- the relay itself ---


class MailPlane(StrEnum):
    """Whether mail moves. The control plane lives as long as the process."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    """Listeners are closed and nothing is delivered; the configuration can be edited."""


class ListenerHealth(StrEnum):
    LISTENING = "listening"
    CLOSED = "closed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ListenerReport:
    id: str
    address: str
    port: int
    """The port that is really open, also where the configuration says 0."""
    state: ListenerHealth
    problem: str = ""
    connections: int = 0


@dataclass(frozen=True, slots=True)
class CertificateReport:
    """A server certificate as it stands in its file. ``listener`` is the id of the one that uses it, empty where a pair of
    files was only looked at; ``problem`` says why it cannot be used."""

    listener: str
    certificate_file: str
    key_file: str
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    not_before: float | None = None
    not_after: float | None = None
    fingerprint: str = ""
    """SHA-256 of its DER form, in hexadecimal."""
    is_self_signed: bool = False
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class VaultReport:
    """``kind`` is ``keyring``, ``sealed`` or empty when none could be chosen."""

    kind: str
    label: str
    usable: bool
    problem: str = ""
    hint: str = ""
    waiting: bool = False
    """The password manager is asking somebody for permission."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that needs attention. ``subject`` names what it is about, such as ``gateway:gw-1``."""

    kind: str
    title: str
    detail: str = ""
    hint: str = ""
    subject: str = ""
    since: float | None = None


@dataclass(frozen=True, slots=True)
class NotDelivering:
    """A listener or an outbound gateway whose handling is not *deliver*. ``handling`` is ``capture``, ``capture-and-deliver``
    or ``redirect``; ``address`` is where it redirects to."""

    kind: str
    """``listener`` or ``gateway``."""
    id: str
    label: str
    handling: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class AlarmReport:
    """Trouble that has lasted for as long as Settings → Alarms says. ``mailed_at``: when it was last told by mail."""

    kind: str
    subject: str
    title: str
    detail: str = ""
    hint: str = ""
    since: float = 0.0
    mailed_at: float | None = None


@dataclass(frozen=True, slots=True)
class RelayReport:
    """The state of the relay, without the spool's counts."""

    mail: MailPlane
    delivery_paused: bool
    version: str
    api_version: int
    pid: int
    started_at: float
    data_folder: str
    host_name: str
    revision: int
    listeners: tuple[ListenerReport, ...]
    vault: VaultReport
    problems: tuple[Problem, ...] = ()
    not_delivering: tuple[NotDelivering, ...] = ()
    """Where mail is not delivered as it is: enabled listeners and outbound gateways that capture, copy or redirect it."""
    faults: tuple[str, ...] = ()
    """The ids of the fault rules that are enabled: mail is refused, delayed or dropped on purpose."""


@dataclass(frozen=True, slots=True)
class GatewayReport:
    """What stands beside a gateway's configuration in the list."""

    id: str
    health: str
    """``healthy``, ``resting`` or ``probing``; ``disabled`` when it is switched off."""
    cause: str = ""
    since: float | None = None
    next_probe: float | None = None
    spooled: int = 0
    """Deliveries that wait in its lane or are pinned to it."""
    connections: int = 0
    last_delivery: float | None = None
    last_failure: float | None = None
    last_error: str = ""
    remote_spool: Mapping[str, int] = field(default_factory=dict)
    """The SmarterMail server's own spool counts, by kind; empty when they are not read."""
    remote_spool_at: float | None = None
    remarks: tuple[str, ...] = ()
    """What an administrator should know of it beyond its health, a sentence each."""


@dataclass(frozen=True, slots=True)
class StorageReport:
    """How the spool's file does. Commit times: how many fell into each bucket, the last one without a bound."""

    commit_bounds: tuple[float, ...]
    commit_buckets: tuple[int, ...]
    commit_seconds: float
    backlog: int
    """Operations that wait for a commit."""
    free_bytes: int
    oldest_waiting: float | None = None
    """When the oldest delivery that is not held was received; looked at every few minutes."""


# --- configuration ---


@dataclass(frozen=True, slots=True)
class Revision:
    number: int
    at: float
    author: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LaneMove:
    """Queued mail that goes another way after a change. Lanes in words for people."""

    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class Changed:
    """``revision`` is the current one: unchanged after a dry run, or when the change changed nothing."""

    revision: int
    moves: tuple[LaneMove, ...] = ()
    """Of queued mail, in a dry run and after a change alike. Empty when the mail goes where it went before."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretReport:
    """That a secret is stored; never what it is."""

    name: str
    stored_at: float
    backend: str


# --- verify, explain, send a test ---


class StageState(StrEnum):
    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """``fingerprint`` is the SHA-256 of its DER form, in hexadecimal."""

    fingerprint: str
    subject: str = ""
    issuer: str = ""
    not_after: float | None = None
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class VerifyStage:
    """One stage of Verify Connection, reported when it is over."""

    stage: str
    """``dns``, ``tcp``, ``banner``, ``ehlo``, ``tls``, ``auth``, ``envelope``; the OAuth doctor's ``settings``, ``authority``,
    ``token``, ``claims``, ``permission``, ``mechanism``; others may come."""
    title: str
    state: StageState
    seconds: float = 0.0
    result: str = ""
    advice: str = ""
    """What to do about it; empty unless there is something to do."""
    dialogue: tuple[str, ...] = ()
    """Both sides, as ``C: …`` and ``S: …``, credentials left out."""
    certificate: SeenCertificate | None = None


@dataclass(frozen=True, slots=True)
class SmarterMailReport:
    """What the Test of a SmarterMail Gateway card found out."""

    interface: str
    """``REST`` or ``SOAP``."""
    domains: tuple[str, ...]
    users: int
    seconds: float = 0.0


# --- signing in by OAuth 2.0 ---


class OAuthState(StrEnum):
    SIGNED_OUT = "signed-out"
    """A person has to sign in first."""
    SIGNED_IN = "signed-in"
    UNTRIED = "untried"
    """An application's: no token was needed since the start."""
    FAILING = "failing"
    """The last attempt to get a token failed: ``problem`` says why."""


@dataclass(frozen=True, slots=True)
class OAuthReport:
    """How a gateway's sign-in stands; never a token or a secret."""

    gateway: str
    flow: str
    """``delegated`` or ``application``."""
    state: OAuthState
    account: str = ""
    """Who signed in, as far as the provider told."""
    since: float | None = None
    token_until: float | None = None
    renews_at: float | None = None
    sign_in_until: float | None = None
    """When somebody has to sign in again; None: the provider did not say."""
    has_secret: bool = False
    """A client secret, or a service account's key, is stored."""
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class OAuthSignIn:
    """A sign-in that has begun: open ``url`` in a browser; its way back brings ``state`` and a code."""

    url: str
    state: str
    until: float


@dataclass(frozen=True, slots=True)
class ExplainStep:
    text: str
    verdict: str = ""
    """A short word such as ``chosen``, ``passed over`` or ``refused``."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision path for one sender and recipient. ``accepted`` is False when the client would be refused."""

    accepted: bool
    outcome: str
    """The whole answer in one sentence."""
    steps: tuple[ExplainStep, ...] = ()
    lane: str = ""
    hops: tuple[str, ...] = ()
    """Next hops in the order they would be tried, with address and TLS policy, for people."""


@dataclass(frozen=True, slots=True)
class TestMessage:
    """A test message to be sent. ``gateway`` sends it by that one only; empty follows the routes."""

    __test__ = False  # pytest takes classes of this name for tests

    sender: str
    recipient: str
    gateway: str = ""


# --- the spool ---


class SpoolOperation(StrEnum):
    RETRY = "retry"
    HOLD = "hold"
    RELEASE = "release"
    REROUTE = "reroute"
    PRIORITY = "priority"
    FAIL = "fail"
    """Give up now, with a DSN where one is owed."""
    DELETE = "delete"
    """Forget it, without a word to the sender."""


class QuarantineOperation(StrEnum):
    RELEASE = "release"
    RELEASE_AND_ALLOW = "release-and-allow"
    """From now on, mail from its sender is not scored."""
    DELETE = "delete"
    """Forget it, without a word to the sender."""


# --- DKIM ---


class DkimState(StrEnum):
    PUBLISHED = "published"
    ABSENT = "absent"
    DIFFERS = "differs"
    NO_ANSWER = "no-answer"


@dataclass(frozen=True, slots=True)
class DkimCheck:
    """What DNS publishes of a key, compared with what it should."""

    state: DkimState
    text: str
    """In a sentence."""
    record_name: str
    record_text: str
    found: tuple[str, ...] = ()


# --- figures ---


@dataclass(frozen=True, slots=True)
class Total:
    """A monotonic counter since the relay started."""

    name: str
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class MinuteFigures:
    """What happened in one minute, or in several from that one on. ``minute`` counts minutes since the epoch."""

    minute: int
    sums: Mapping[str, int]
