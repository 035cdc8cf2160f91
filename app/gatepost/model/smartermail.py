"""The SmarterMail Gateway card."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from .fields import Line, Model, refused


class SmarterMailUserVerification(StrEnum):
    NONE = "none"
    WEB_SERVICE = "web-service"


class SmarterMailCard(Model):
    """The other side is a SmarterMail server. The password lives in the vault."""

    enabled: bool = False
    url: Line = ""
    username: Line = ""
    allow_http: bool = False
    """Talk to the web service unencrypted. Off unless the administrator ticked the warning."""
    user_verification: SmarterMailUserVerification = SmarterMailUserVerification.NONE

    @field_validator("url")
    @classmethod
    def _http_only(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write the address of the webmail, such as https://mail.example.com")
        if parts.username or parts.password:
            raise ValueError("put the login into its own fields, not into the URL")
        if parts.query or parts.fragment:
            raise ValueError("leave out everything from “?” or “#” on")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete_when_enabled(self) -> SmarterMailCard:
        if self.enabled:
            if not self.url:
                raise refused("url", "the SmarterMail URL is needed")
            if not self.username:
                raise refused("username", "the SmarterMail administrator's username is needed")
            if self.url.startswith("http:") and not self.allow_http:
                raise refused(
                    "allow_http", "http would send the administrator's password unencrypted: use https, or allow it explicitly"
                )
        return self
