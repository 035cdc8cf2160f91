"""Requests and answers of the control API that are not already a value of the model.

Requests are strict (an unknown name is an error); answers ignore what they do not know, so that a client may be older than
the relay within one API version. Times are seconds since the epoch, sizes are octets.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ..model.access import TrustedNetwork
from ..model.capture import FaultRule, InboxSettings, Tray
from ..model.dkim import DkimKey
from ..model.domain import DomainRule
from ..model.envelope import Envelope
from ..model.fields import Identifier, Line, MailboxText, Model, Text
from ..model.gateway import Gateway
from ..model.listener import Listener
from ..model.remote import TokenReport
from ..model.report import GatewayReport, LaneMove, QuarantineOperation, RelayReport, SpoolOperation, Total, VerifyStage
from ..model.settings import Settings
from ..model.spam import SpamPolicy, VirusPolicy

MAX_PAGE = 1000
"""Rows in one answer, at most."""
MAX_IDS = 2_000_000
COMPACT_IDS = "application/octet-stream"
"""Asked for by ``Accept`` where ids are answered: signed integers of 8 octets each, little-endian."""

QueueId = Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z]+$")]
Count = Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """Base of answers; also made from the relay's own values, by attribute."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True, defer_build=True)


# --- errors ---


class IssueBody(Answer):
    field: str
    message: str
    code: str = "invalid"


class ErrorBody(Answer):
    """``code`` is for programs, the rest for people."""

    code: str
    title: str
    detail: str = ""
    hint: str = ""
    issues: tuple[IssueBody, ...] = ()
    reference: str = ""
    """Names the line in the relay's log, for errors that nobody expected."""


class ErrorReply(Answer):
    error: ErrorBody


# --- the relay ---


class SpoolFigures(Answer):
    waiting: int = 0
    deferred: int = 0
    held: int = 0
    total: int = 0
    quarantined: int = 0
    """Messages in quarantine; their deliveries count as held as well."""
    lanes: dict[str, int] = {}


class Version(Answer):
    version: str
    api_version: int


class Status(Answer):
    relay: RelayReport
    spool: SpoolFigures


class Done(Answer):
    done: bool = True


class AlarmTest(Answer):
    queue_ids: tuple[str, ...]
    """Of the notices, one for each person who is told."""


class TokenRequest(Model):
    name: Annotated[Line, Field(min_length=1, max_length=80)]
    """Who or what will use it."""


class NewToken(Answer):
    token: TokenReport
    secret: str
    """What is to be shown as ``Authorization: Bearer …``. Nobody can be shown it again."""


class HopHealthBody(Answer):
    """A next hop, source address or mail host and how it does."""

    key: str
    label: str
    state: str
    cause: str = ""
    since: float | None = None
    next_probe: float | None = None
    failures: int = 0
    last_success: float | None = None
    last_failure: float | None = None


# --- configuration ---


class UserView(Model):
    """A relay user as the API shows one: that there is a password, never what was made of it."""

    id: Identifier = ""
    username: Line
    enabled: bool = True
    description: Line = ""
    has_password: bool = False
    """Ignored when it is sent."""


class NewUser(UserView):
    password: SecretStr | None = None


class PasswordRequest(Model):
    """An empty password takes the user's password away."""

    password: SecretStr


class ConfigurationView(Model):
    """``Configuration`` with its users as ``UserView``."""

    gateways: tuple[Gateway, ...] = ()
    domains: tuple[DomainRule, ...] = ()
    listeners: tuple[Listener, ...] = ()
    trusted_networks: tuple[TrustedNetwork, ...] = ()
    users: tuple[UserView, ...] = ()
    spam: SpamPolicy = SpamPolicy()
    virus: VirusPolicy = VirusPolicy()
    dkim_keys: tuple[DkimKey, ...] = ()
    trays: tuple[Tray, ...] = ()
    faults: tuple[FaultRule, ...] = ()
    inbox: InboxSettings = InboxSettings()
    settings: Settings = Settings()


class MoveRequest(Model):
    position: Count
    """Where it shall stand in the list, from 0."""


class Saved(Answer):
    """What a change did, or with ``dry_run`` would do."""

    revision: int
    object: Any = None
    """As it stands now; null when it was removed, or when the whole configuration was changed."""
    moves: tuple[LaneMove, ...] = ()
    warnings: tuple[str, ...] = ()


class Difference(Answer):
    """One thing that two configurations do not share. Objects are named by id: ``gateways.gw-1.port``. Null: not there."""

    path: str
    before: Any = None
    after: Any = None


class SavedDifferences(Saved):
    differences: tuple[Difference, ...] = ()
    missing_secrets: tuple[str, ...] = ()
    """Passwords that the new configuration needs and the vault does not hold."""


class ExportDocument(Answer):
    """A configuration without any secret."""

    format: Literal["gatepost-configuration"]
    version: int
    configuration: dict[str, Any]


class ImportRequest(Model):
    document: dict[str, Any]
    """As it was exported."""


# --- coming from another server ---


class ImportFile(Model):
    """A configuration file of the other server. ``text`` may hold passwords: it is neither kept nor shown."""

    name: Annotated[Line, Field(min_length=1)]
    """As its server calls it, with the folder where that is known: other files may point to it."""
    text: SecretStr


class ImportPreviewRequest(Model):
    files: Annotated[tuple[ImportFile, ...], Field(min_length=1, max_length=500)]


class ForeignImportRequest(ImportPreviewRequest):
    parts: Annotated[tuple[Line, ...], Field(max_length=10_000)] | None = None
    """Keys of the parts to take over; null: all that the preview has as chosen."""


class ImportPlace(Answer):
    file: str
    line: int = 0


class ImportFinding(Answer):
    """A line about something that was read: ``understood``, ``left-out`` or ``decide``."""

    kind: str
    place: ImportPlace
    text: str


class ImportPart(Answer):
    """One thing that can be taken over. ``value`` is the object as it would stand in the configuration."""

    key: str
    kind: str
    title: str
    value: Any = None
    place: ImportPlace
    chosen: bool = True
    needs: tuple[str, ...] = ()


class ImportProposal(Answer):
    source: str
    parts: tuple[ImportPart, ...] = ()
    findings: tuple[ImportFinding, ...] = ()
    wanted: tuple[str, ...] = ()
    """Files that those given point to."""
    passwords: tuple[str, ...] = ()
    """Names in the vault under which passwords that were found would be stored."""


# --- secrets ---


class SecretRequest(Model):
    secret: SecretStr


# --- verify ---


class CertificateRequest(Model):
    """PEM files on the relay's machine."""

    certificate_file: Annotated[Line, Field(min_length=1)]
    key_file: Annotated[Line, Field(min_length=1)]


class Renewed(Answer):
    """How many secrets are sealed under the new key."""

    count: int


class VerifyRequest(Model):
    gateway: dict[str, Any]
    """As it would be saved; it need not exist."""
    password: SecretStr | None = None
    """The one just typed (for OAuth: the client secret); without it the stored one is used."""


class OAuthBeginRequest(Model):
    """``gateway`` as it would be saved; without it, the one in force. ``client_secret``: the one just typed."""

    redirect_uri: Line
    gateway: dict[str, Any] | None = None
    client_secret: SecretStr | None = None


class OAuthCompleteRequest(Model):
    """What the browser came back with: a code, or an error."""

    state: Annotated[Line, Field(min_length=1)]
    code: SecretStr = SecretStr("")
    error: Line = ""
    error_description: Text = ""


class OAuthDoctorRequest(Model):
    """As ``OAuthBeginRequest``."""

    gateway: dict[str, Any] | None = None
    client_secret: SecretStr | None = None


class VerifyLine(Answer):
    """One line of the answer (``application/x-ndjson``): a stage as it ends, and last the result or an error."""

    stage: VerifyStage | None = None
    passed: bool | None = None
    error: ErrorBody | None = None


# --- spool ---


class Filter(Model):
    """Which deliveries: every condition that is set must hold. Texts match anywhere, in any case."""

    ids: tuple[Count, ...] | None = None
    queue_ids: tuple[QueueId, ...] | None = None
    state: Literal["waiting", "deferred", "held"] | None = None
    lane: Line = ""
    gateway: Line = ""
    sender: Line = ""
    recipient: Line = ""
    subject: Line = ""
    reply: Line = ""
    text: Line = ""
    received_after: float | None = None
    received_before: float | None = None
    min_size: Count | None = None
    max_size: Count | None = None
    min_attempts: Count | None = None

    @property
    def is_everything(self) -> bool:
        return self == Filter()


SpoolOrderName = Literal["age", "size", "sender", "subject", "next-attempt", "attempts", "state"]


class ListRequest(Model):
    filter: Filter = Filter()
    order: SpoolOrderName = "age"
    descending: bool = False
    offset: Count = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100


class IdsRequest(Model):
    filter: Filter = Filter()
    order: SpoolOrderName = "age"
    descending: bool = False
    limit: Annotated[int, Field(ge=1, le=MAX_IDS)] = MAX_IDS


class CountRequest(Model):
    filter: Filter = Filter()


class SpoolCount(Answer):
    count: int


class SpoolRow(Answer):
    id: int
    message_id: int
    queue_id: str
    lane: str
    state: str
    hold: str
    received_at: float
    due_at: float
    priority: int
    attempts: int
    expires_at: float
    sender: str
    recipients: tuple[str, ...]
    recipient_count: int
    subject: str
    size: int
    waiting: str
    last_reply: str
    pinned_gateway: str | None
    recipient_total: int = 0


class SpoolRecipient(Answer):
    id: int
    address: str
    notify: int
    orcpt: str
    state: str
    last_reply: str


class SpoolDelivery(Answer):
    id: int
    lane: str
    state: str
    hold: str
    due_at: float
    priority: int
    attempts: int
    expires_at: float
    delay_notice_at: float | None
    waiting: str
    last_reply: str
    pinned_gateway: str | None
    recipients: tuple[SpoolRecipient, ...]


class SpoolMessage(Answer):
    id: int
    queue_id: str
    envelope: Envelope
    message_id_header: str
    received_at: float
    size: int
    subject: str
    deliveries: tuple[SpoolDelivery, ...]


class OperateRequest(Model):
    """An empty filter means the whole spool and must be confirmed with ``everything``."""

    operation: SpoolOperation
    filter: Filter = Filter()
    everything: bool = False
    gateway: Identifier | None = None
    """For ``reroute``; null sends it by its routes again."""
    priority: Annotated[int, Field(ge=-100, le=100)] | None = None
    reason: Line = ""
    dry_run: bool = False


class Operated(Answer):
    count: int
    dry_run: bool = False


# --- quarantine ---


class QuarantineFilter(Model):
    """Which messages: every condition that is set must hold. Texts match anywhere, in any case."""

    ids: tuple[Count, ...] | None = None
    queue_ids: tuple[QueueId, ...] | None = None
    kind: Literal["spam", "virus"] | None = None
    gateway: Line = ""
    level: Literal["", "none", "low", "medium", "high"] = ""
    sender: Line = ""
    recipient: Line = ""
    subject: Line = ""
    text: Line = ""
    received_after: float | None = None
    received_before: float | None = None
    min_score: float | None = None
    max_score: float | None = None

    @property
    def is_everything(self) -> bool:
        return self == QuarantineFilter()


QuarantineOrderName = Literal["age", "score", "sender", "subject", "size", "expires"]


class QuarantineListRequest(Model):
    filter: QuarantineFilter = QuarantineFilter()
    order: QuarantineOrderName = "age"
    descending: bool = False
    offset: Count = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100


class QuarantineIdsRequest(Model):
    filter: QuarantineFilter = QuarantineFilter()
    order: QuarantineOrderName = "age"
    descending: bool = False
    limit: Annotated[int, Field(ge=1, le=MAX_IDS)] = MAX_IDS


class QuarantineCountRequest(Model):
    filter: QuarantineFilter = QuarantineFilter()


class QuarantineRow(Answer):
    """``expires_at`` null: it is kept until somebody decides. ``score`` null: it was not scored."""

    id: int
    queue_id: str
    kind: str
    gateway: str
    level: str
    score: float | None
    reason: str
    received_at: float
    expires_at: float | None
    sender: str
    recipients: tuple[str, ...]
    recipient_count: int
    subject: str
    size: int


class ScorePart(Answer):
    source: str
    points: float
    note: str = ""
    failed: bool = False


class QuarantineEntry(Answer):
    """One message with the whole arithmetic."""

    row: QuarantineRow
    parts: tuple[ScorePart, ...]
    recipients: tuple[str, ...]
    client: str
    helo: str
    message_id_header: str


class QuarantineOperateRequest(Model):
    """An empty filter means the whole quarantine and must be confirmed with ``everything``."""

    operation: QuarantineOperation
    filter: QuarantineFilter = QuarantineFilter()
    everything: bool = False
    dry_run: bool = False


# --- tracking ---


class TrackRequest(Model):
    """Every condition that is set must hold. See the relay's journal for how texts are matched."""

    text: Line = ""
    sender: Line | None = None
    recipient: Line = ""
    subject: Line = ""
    queue_id: Line = ""
    message_id_header: Line = ""
    reply: Line = ""
    state: Literal["waiting", "deferred", "quarantined", "delivered", "bounced", "deleted", "captured"] | None = None
    since: float | None = None
    until: float | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100
    before: Count | None = None


class TrackedRecipient(Answer):
    address: str
    state: str
    last_reply: str = ""
    changed_at: float = 0.0


class TrackedMessage(Answer):
    id: int
    queue_id: str
    state: str
    received_at: float
    sender: str
    subject: str
    size: int
    client: str
    message_id_header: str
    recipients: tuple[TrackedRecipient, ...] = ()
    recipient_count: int = 0


class TrackPage(Answer):
    """``next_before`` is null when there is nothing more; else search on from there, even if this page is empty."""

    messages: tuple[TrackedMessage, ...]
    next_before: int | None = None


class TimelineEntry(Answer):
    at: float
    kind: str
    recipient: str = ""
    text: str = ""
    data: dict[str, Any] | None = None


class Timeline(Answer):
    message: TrackedMessage
    entries: tuple[TimelineEntry, ...]


class ExplainRequest(Model):
    """``client`` is an IP address, ``user`` a relay user who signed in, ``configuration`` a draft to explain instead."""

    sender: Line
    recipient: Line
    client: Line = ""
    user: Line = ""
    configuration: dict[str, Any] | None = None


class TestRequest(Model):
    __test__ = False  # pytest takes classes of this name for tests

    sender: MailboxText
    recipient: MailboxText
    gateway: Identifier | None = None


class TestSent(Answer):
    __test__ = False

    queue_id: str


class Verdict(Answer):
    """What is remembered of a recipient."""

    gateway_id: str
    address: str
    state: str
    source: str
    reason: str = ""
    fetched_at: float


class ForgetRequest(Model):
    gateway: Line = ""
    address: Line = ""


class Forgotten(Answer):
    count: int


# --- events ---


class Snapshot(Answer):
    """The first message on ``/v1/events``, and again after each reconnect."""

    type: Literal["snapshot"] = "snapshot"
    sequence: int = 0
    status: Status
    gateways: tuple[GatewayReport, ...]
    totals: tuple[Total, ...]


class EventMessage(Answer):
    """Something happened. Events of one kind and subject that come close together are merged: ``count`` says how many, ``data``
    is the newest one's. The kind ``figures`` comes once a second while figures change: ``spool`` and ``totals``."""

    type: Literal["event"] = "event"
    sequence: int
    """Grows by one from message to message of one connection."""
    kind: str
    at: float
    count: int = 1
    data: dict[str, Any] = {}
