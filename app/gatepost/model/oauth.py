"""Signing in at a next hop by OAuth 2.0: who hands out the tokens, to whom, and for which permission (RFC 6749).

Microsoft's and Google's endpoints and scopes are derived; every one of them can be overridden for national clouds, other
providers and tests. Secrets are no part of this: the client secret (or a Google service account's key file) and the
refresh token live in the vault.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from .fields import Line, Model

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}\Z")
_ANYBODY = frozenset({"common", "organizations", "consumers"})
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")
"""RFC 6749 §3.3."""


class OAuthProvider(StrEnum):
    MICROSOFT = "microsoft365"
    GOOGLE = "google"
    OTHER = "other"


class OAuthFlow(StrEnum):
    DELEGATED = "delegated"
    """A person signs in once in the browser; the relay renews by the refresh token."""
    APPLICATION = "application"
    """No person: client credentials (RFC 6749 §4.4); at Google a service account's signed assertion (RFC 7523)."""


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this computer."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"“{text[:100]}” is not a URL") from error
    if not host or parts.username or parts.password or parts.fragment or not text.isascii() or " " in text:
        raise ValueError("write a whole URL, such as https://login.example.com/token")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError("it must begin with https://: secrets are sent there")
    return text


def _scope(text: str) -> str:
    if text and not _SCOPE.match(text):
        raise ValueError("write permissions in printable ASCII, one space between them")
    return text


def _date(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            return datetime.date.fromisoformat(value.strip())
        except ValueError as error:
            raise ValueError("write the date as year-month-day, such as 2027-11-28") from error
    return value


Endpoint = Annotated[Line, AfterValidator(_endpoint)]
OwnEndpoint = Annotated[Endpoint | None, BeforeValidator(lambda value: value or None)]
Scope = Annotated[Line, AfterValidator(_scope)]
Day = Annotated[datetime.date | None, BeforeValidator(_date)]


class OAuthSettings(Model):
    """Empty texts take what the provider is known to have."""

    provider: OAuthProvider = OAuthProvider.MICROSOFT
    flow: OAuthFlow = OAuthFlow.DELEGATED
    tenant: Line = ""
    """Microsoft's directory: its id or one of its domains. Empty: any organization's, which only a person can sign in to."""
    client_id: Line = ""
    authorize_url: OwnEndpoint = None
    token_url: OwnEndpoint = None
    scope: Scope = ""
    secret_expires: Day = None
    """When the client secret ends, as the provider said when it was made; warned of before."""

    @property
    def token_endpoint(self) -> str:
        if self.token_url is not None:
            return self.token_url
        if self.provider is OAuthProvider.MICROSOFT:
            return f"https://login.microsoftonline.com/{self._directory}/oauth2/v2.0/token"
        return "https://oauth2.googleapis.com/token" if self.provider is OAuthProvider.GOOGLE else ""

    @property
    def authorization_endpoint(self) -> str:
        if self.authorize_url is not None:
            return self.authorize_url
        if self.provider is OAuthProvider.MICROSOFT:
            return f"https://login.microsoftonline.com/{self._directory}/oauth2/v2.0/authorize"
        return "https://accounts.google.com/o/oauth2/v2/auth" if self.provider is OAuthProvider.GOOGLE else ""

    @property
    def asked_scope(self) -> str:
        """The permission that is asked for."""
        if self.scope:
            return self.scope
        if self.provider is OAuthProvider.GOOGLE:
            return "https://mail.google.com/"
        if self.provider is OAuthProvider.MICROSOFT:
            if self.flow is OAuthFlow.APPLICATION:
                return "https://outlook.office365.com/.default"
            return "https://outlook.office.com/SMTP.Send offline_access"
        return ""

    @property
    def is_service_account(self) -> bool:
        """The secret is a Google service account's key, as the JSON file that Google hands out."""
        return self.provider is OAuthProvider.GOOGLE and self.flow is OAuthFlow.APPLICATION

    @property
    def needs_secret(self) -> bool:
        """Without one there can be no token. A person's sign-in may do without: public clients have none."""
        return self.flow is OAuthFlow.APPLICATION

    @property
    def _directory(self) -> str:
        return self.tenant or "organizations"

    def lacks(self) -> Iterator[tuple[str, str]]:
        """(field, words) of what is missing before anybody can sign in."""
        if not self.client_id and not self.is_service_account:
            yield "client_id", "the application's client ID is needed"
        if self.provider is OAuthProvider.MICROSOFT:
            if self.tenant and not _TENANT.match(self.tenant):
                yield "tenant", "write the directory's id or one of its domains"
            elif self.flow is OAuthFlow.APPLICATION and self.tenant.casefold() in _ANYBODY | {""}:
                yield "tenant", "an application signs in to one directory: write its tenant id or one of its domains"
        if not self.token_endpoint:
            yield "token_url", "the provider's token URL is needed"
        if not self.authorization_endpoint and self.flow is OAuthFlow.DELEGATED:
            yield "authorize_url", "the provider's sign-in URL is needed"


@dataclass(frozen=True, slots=True)
class OAuthAccount:
    """One gateway's way to a token. Equal accounts share one token."""

    gateway_id: str
    username: str
    """The mailbox that mail is sent as."""
    settings: OAuthSettings

    @property
    def client_secret(self) -> str:
        """The vault's name for the client secret, or the service account's key."""
        return client_secret_name(self.gateway_id)

    @property
    def grant(self) -> str:
        """The vault's name for what a person's sign-in left: the refresh token and whom it is for."""
        return grant_name(self.gateway_id)


def client_secret_name(gateway_id: str) -> str:
    return f"gateway/{gateway_id}/client-secret"


def grant_name(gateway_id: str) -> str:
    return f"gateway/{gateway_id}/sign-in"
