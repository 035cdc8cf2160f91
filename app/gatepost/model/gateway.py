"""The four kinds of gateway and their cards."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from .capture import Deliver, Handling
from .fields import DomainPattern, Fingerprint, Host, Identifier, IPText, Line, Model, Port, all_refused, new_id, refused
from .network import MAX_TARGETS, AddressText, parse_address_range
from .oauth import OAuthAccount, OAuthSettings
from .smartermail import SmarterMailCard, SmarterMailUserVerification
from .spam import SpamCard
from .verification import VerificationCard


class GatewayMode(StrEnum):
    ROUND_ROBIN = "round-robin"
    SPECIFIC_DOMAINS = "specific-domains"
    BACKUP_MX = "backup-mx"
    DOMAIN_FORWARD = "domain-forward"


class Encryption(StrEnum):
    """How a hop is secured. REQUIRED and IMPLICIT never fall back to clear text."""

    NONE = "none"
    OPPORTUNISTIC = "starttls-when-offered"
    REQUIRED = "starttls-required"
    IMPLICIT = "tls"


PROPOSED_PORT = {
    Encryption.NONE: 25,
    Encryption.OPPORTUNISTIC: 25,
    Encryption.REQUIRED: 587,
    Encryption.IMPLICIT: 465,
}
"""The port that choosing an encryption proposes unless the user typed one."""


class CertificateCheck(StrEnum):
    SYSTEM_TRUST = "system-trust"
    FINGERPRINT = "fingerprint"
    NONE = "none"


class AuthMethod(StrEnum):
    PASSWORD = "password"  # noqa: S105 - a kind, not a password
    OAUTH = "oauth"


class GatewayAuth(Model):
    """Signing in at the next hop. The password, or what OAuth needs, lives in the vault."""

    enabled: bool = False
    method: AuthMethod = AuthMethod.PASSWORD
    username: Line = ""
    allow_cleartext: bool = False
    """Send the password (or token) over an unencrypted connection. Off unless the administrator ticked the warning."""
    oauth: OAuthSettings = OAuthSettings()

    @property
    def is_oauth(self) -> bool:
        return self.enabled and self.method is AuthMethod.OAUTH

    @model_validator(mode="after")
    def _complete_when_enabled(self) -> GatewayAuth:
        missing = []
        if self.enabled and not self.username:
            missing.append(("username", "a username is needed when authentication is enabled"))
        if self.is_oauth:
            missing += [(f"oauth.{field}", words) for field, words in self.oauth.lacks()]
        if missing:
            raise all_refused(missing)
        return self


class Certificate(Model):
    """Which certificate of the other side is accepted. ``fingerprint`` is the SHA-256 of its DER form."""

    check: CertificateCheck = CertificateCheck.SYSTEM_TRUST
    fingerprint: Fingerprint | None = None

    def enforced(self, encryption: Encryption) -> CertificateCheck:
        """How a certificate is really checked.

        “STARTTLS when offered” would send without any TLS, so an untrusted certificate is no reason to refuse; a pinned
        one is, because somebody chose it.
        """
        if encryption is Encryption.OPPORTUNISTIC and self.check is CertificateCheck.SYSTEM_TRUST:
            return CertificateCheck.NONE
        return self.check

    @model_validator(mode="after")
    def _fingerprint_when_pinned(self) -> Certificate:
        if self.check is CertificateCheck.FINGERPRINT and self.fingerprint is None:
            raise refused("fingerprint", "a fingerprint is needed to accept only this certificate")
        return self


class Limits(Model):
    """Caps of one gateway. What exceeds one goes to the next gateway of the pool, else waits."""

    connections: Annotated[int, Field(ge=1, le=1000)] = 5
    messages_per_connection: Annotated[int, Field(ge=1, le=100_000)] = 100
    messages_per_minute: Annotated[int, Field(ge=1)] | None = None
    messages_per_day: Annotated[int, Field(ge=1)] | None = None


class RetryOverride(Model):
    """Per-gateway overrides of Settings → Spool; None follows the settings."""

    schedule_minutes: tuple[Annotated[int, Field(ge=1, le=10_080)], ...] | None = None
    lifetime_hours: Annotated[int, Field(ge=1, le=24 * 60)] | None = None
    delay_notice_hours: Annotated[int, Field(ge=1, le=24 * 60)] | None = None


class _Gateway(Model):
    id: Identifier = Field(default_factory=lambda: new_id("gw"))
    description: Line = ""
    enabled: bool = True
    smartermail: SmarterMailCard = SmarterMailCard()
    retry: RetryOverride = RetryOverride()

    @property
    def password_secret(self) -> str:
        """The vault's name for this gateway's Auth Password."""
        return f"gateway/{self.id}/password"

    @property
    def smartermail_secret(self) -> str:
        """The vault's name for the SmarterMail administrator's password."""
        return f"gateway/{self.id}/smartermail"


class _OutboundGateway(_Gateway):
    host: Host
    port: Port = 25
    encryption: Encryption = Encryption.REQUIRED
    certificate: Certificate = Certificate()
    auth: GatewayAuth = GatewayAuth()
    weight: Annotated[int, Field(ge=1, le=100)] = 1
    standby: bool = False
    limits: Limits = Limits()
    source_addresses: tuple[IPText, ...] = ()
    ehlo_name: Host | None = None
    handling: Handling = Deliver()
    """What happens to the mail that would leave by it."""

    @property
    def label(self) -> str:
        """What a person calls this gateway: its description, else its address."""
        return self.description or f"{self.host}:{self.port}"

    @property
    def oauth_account(self) -> OAuthAccount | None:
        """None: it does not sign in by OAuth."""
        return OAuthAccount(self.id, self.auth.username, self.auth.oauth) if self.auth.is_oauth else None

    @property
    def needed_secrets(self) -> tuple[str, ...]:
        """The vault's names for what signing in needs."""
        if not self.auth.enabled:
            return ()
        if (account := self.oauth_account) is None:
            return (self.password_secret,)
        return (account.client_secret,) if account.settings.needs_secret else (account.grant,)

    @model_validator(mode="after")
    def _password_needs_encryption(self) -> _OutboundGateway:
        if self.auth.enabled and self.encryption is Encryption.NONE and not self.auth.allow_cleartext:
            raise refused(
                "auth.allow_cleartext",
                "the password would travel unencrypted: choose an encryption, or allow it explicitly (auth.allow_cleartext)",
            )
        return self


class RoundRobinGateway(_OutboundGateway):
    mode: Literal[GatewayMode.ROUND_ROBIN] = GatewayMode.ROUND_ROBIN


class SpecificDomainsGateway(_OutboundGateway):
    """Serves the domains assigned to it here (sender domains) or on the domain's row."""

    mode: Literal[GatewayMode.SPECIFIC_DOMAINS] = GatewayMode.SPECIFIC_DOMAINS
    domains: tuple[DomainPattern, ...] = ()


class _InboundGateway(_Gateway):
    """In front of a primary mail server. The first addresses are delivery targets, in order."""

    addresses: Annotated[tuple[AddressText, ...], Field(min_length=1)]
    port: Port = 25
    encryption: Encryption = Encryption.OPPORTUNISTIC
    certificate: Certificate = Certificate(check=CertificateCheck.NONE)
    limits: Limits = Limits()
    spam: SpamCard = SpamCard()
    verification: VerificationCard = VerificationCard()

    @property
    def label(self) -> str:
        return self.description or ", ".join(self.addresses)

    @property
    def verifies_recipients(self) -> bool:
        """Whether anybody is asked if a recipient is real: a source of the Verification card, or the web service."""
        by_web_service = self.smartermail.user_verification is SmarterMailUserVerification.WEB_SERVICE
        return self.verification.is_on or (self.smartermail.enabled and by_web_service)

    @property
    def targets(self) -> tuple[str, ...]:
        """The addresses that mail is delivered to: single ones and ranges of at most 256, in order."""
        found: list[str] = []
        for text in self.addresses:
            addresses = parse_address_range(text)
            if addresses.count <= MAX_TARGETS:
                found.extend(str(address) for address in addresses.addresses())
        return tuple(dict.fromkeys(found))

    @field_validator("addresses")
    @classmethod
    def _at_least_one_target(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        ranges = [parse_address_range(text) for text in value]
        if any(r.is_world for r in ranges):
            raise ValueError("a range that covers (nearly) the whole internet cannot be a primary mail server: it may relay")
        if not any(r.count <= MAX_TARGETS for r in ranges):
            raise ValueError(f"at least one entry must be a single address or a range of at most {MAX_TARGETS}")
        return value


class AcceptPolicy(StrEnum):
    ALWAYS = "always"
    PRIMARY_DOWN = "primary-down"


class Holding(Model):
    """Backup MX: how long mail is kept for the primary and how it is released."""

    keep_days: Annotated[int, Field(ge=1, le=60)] = 5
    probe_seconds: Annotated[int, Field(ge=5, le=3600)] = 60
    accept: AcceptPolicy = AcceptPolicy.ALWAYS


class BackupMxGateway(_InboundGateway):
    mode: Literal[GatewayMode.BACKUP_MX] = GatewayMode.BACKUP_MX
    domains: tuple[DomainPattern, ...] = ()
    """Accepted without an MX look-up, for split DNS. Usually empty."""
    holding: Holding = Holding()


class DomainVerification(StrEnum):
    SPECIFIED = "specified-domains"
    ALL_BUT_SPECIFIED = "all-but-specified-domains"
    WEB_SERVICE = "web-service"


class DomainForwardGateway(_InboundGateway):
    mode: Literal[GatewayMode.DOMAIN_FORWARD] = GatewayMode.DOMAIN_FORWARD
    domain_verification: DomainVerification = DomainVerification.SPECIFIED
    domains: tuple[DomainPattern, ...] = ()
    accept_for_anyone: bool = False
    """The tick that confirms accepting any domain with no user verification."""

    @model_validator(mode="after")
    def _domains_or_confirmation(self) -> DomainForwardGateway:
        if self.domain_verification is DomainVerification.SPECIFIED and not self.domains:
            raise refused("domains", "list at least one domain, or choose another domain verification")
        if (
            self.domain_verification is DomainVerification.ALL_BUT_SPECIFIED
            and not self.verifies_recipients
            and not self.accept_for_anyone
        ):
            raise refused(
                "accept_for_anyone",
                "this accepts mail for anyone: turn user verification on, or confirm with accept_for_anyone",
            )
        if self.domain_verification is DomainVerification.WEB_SERVICE and not self.smartermail.enabled:
            raise refused("domain_verification", "verifying domains by web service needs the SmarterMail gateway card")
        return self


OutboundGateway = RoundRobinGateway | SpecificDomainsGateway
InboundGateway = BackupMxGateway | DomainForwardGateway
Gateway = Annotated[
    RoundRobinGateway | SpecificDomainsGateway | BackupMxGateway | DomainForwardGateway, Field(discriminator="mode")
]
