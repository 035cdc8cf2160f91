"""Requests and answers of the control API that are not already a value of the model.

Requests are strict (an unknown name is an error); answers ignore what they do not know, so that a client may be older than
the relay within one API version. Times are seconds since the epoch, sizes are octets.

Here: what is common to all, the relay, its configuration and its events. ``spool_schema`` (with the quarantine),
``tracking_schema``, ``capture_schema`` and ``import_schema`` hold the rest.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ..model.access import TrustedNetwork
from ..model.capture import FaultRule, InboxSettings, Tray
from ..model.dkim import DkimKey
from ..model.domain import DomainRule
from ..model.fields import Identifier, Line, Model, Text
from ..model.gateway import Gateway
from ..model.listener import Listener
from ..model.remote import TokenReport
from ..model.report import GatewayReport, LaneMove, RelayReport, Total, VerifyStage
from ..model.settings import Settings
from ..model.spam import SpamPolicy, VirusPolicy

MAX_PAGE = 1000
"""Rows in one answer, at most."""
MAX_IDS = 2_000_000
COMPACT_IDS = "application/octet-stream"
"""Asked for by ``Accept`` where ids are answered: signed integers of 8 octets each, little-endian."""

QueueId = Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z]+$")]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""What the database holds as a whole number."""
Moment = Annotated[float, Field(ge=0, le=253_402_300_799)]
"""Seconds since 1970, up to the year 9999."""


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
