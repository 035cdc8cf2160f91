"""What mail providers want of a program that sends through them, as their public help pages say it. No Qt in here.

Where a provider signs programs in by OAuth 2.0, that is proposed, and the note says what to register there first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...i18n import tr

Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Region:
    key: str
    host: str
    name: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Preset:
    """``note`` says what to prepare, ``username`` and ``password`` name the fields, ``fixed_username`` is everybody's."""

    key: str
    name: str
    host: str = ""
    port: int = 587
    encryption: str = "starttls-required"
    note: Callable[[], str] | None = None
    username: Callable[[], str] | None = None
    password: Callable[[], str] | None = None
    fixed_username: str = ""
    oauth: str = ""
    """The OAuth provider by which it is signed in; empty: by password."""
    regions: tuple[Region, ...] = ()


def _fixed(text: str) -> Callable[[], str]:
    return lambda: text


def _ses(region: str) -> Region:
    return Region(region, f"email-smtp.{region}.amazonaws.com", _fixed(region))


PRESETS = (
    Preset("plain", ""),
    Preset(
        "microsoft",
        "Microsoft 365",
        "smtp.office365.com",
        note=lambda: tr(
            "Register an application in the Entra admin center, with http://localhost as the address of a mobile and desktop "
            "application and the permission SMTP.Send of Office 365 Exchange Online; then type its IDs and sign in. An "
            "administrator has to switch on “Authenticated SMTP” for the mailbox. Microsoft is ending the sign-in by password."
        ),
        username=lambda: tr("Mailbox"),
        password=lambda: tr("Password of the mailbox"),
        oauth="microsoft365",
    ),
    Preset(
        "google",
        "Google",
        "smtp.gmail.com",
        note=lambda: tr(
            "Make an OAuth client of the type “Desktop app” in the Google Cloud console, type its ID and secret, and sign in; "
            "publish it, for sign-ins of a client in testing end after 7 days. Or choose the password: with 2-Step "
            "Verification the account can have an app password."
        ),
        username=lambda: tr("Google account"),
        password=lambda: tr("App password"),
        oauth="google",
    ),
    Preset(
        "ses",
        "Amazon SES",
        regions=tuple(
            _ses(region)
            for region in (
                "us-east-1", "us-east-2", "us-west-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3",
                "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1",
            )
        ),
        note=lambda: tr(
            "Make SMTP credentials in the SES console; they are not your AWS access keys. The sender's domain or address must "
            "be verified there, and a new account may send only to verified recipients."
        ),
        username=lambda: tr("SMTP username"),
        password=lambda: tr("SMTP password"),
    ),
    Preset(
        "sendgrid",
        "SendGrid",
        "smtp.sendgrid.net",
        note=lambda: tr(
            "Make an API key with the right to send mail. The username is the word “apikey”, the key itself is the password."
        ),
        fixed_username="apikey",
        password=lambda: tr("API key"),
    ),
    Preset(
        "mailgun",
        "Mailgun",
        regions=(
            Region("us", "smtp.mailgun.org", lambda: tr("United States")),
            Region("eu", "smtp.eu.mailgun.org", lambda: tr("Europe")),
        ),
        note=lambda: tr("Use the SMTP credentials of your sending domain, such as postmaster@mg.example.com."),
        username=lambda: tr("SMTP login"),
        password=lambda: tr("SMTP password"),
    ),
    Preset(
        "brevo",
        "Brevo",
        "smtp-relay.brevo.com",
        note=lambda: tr("The login and the SMTP key stand under “SMTP & API” in your account. Senders must be verified there."),
        username=lambda: tr("SMTP login"),
        password=lambda: tr("SMTP key"),
    ),
    Preset(
        "postmark",
        "Postmark",
        "smtp.postmarkapp.com",
        note=lambda: tr(
            "Type the Server API token as the username and again as the password. The sender must be a confirmed signature or "
            "domain."
        ),
        username=lambda: tr("Server API token"),
        password=lambda: tr("Server API token again"),
    ),
)  # fmt: skip


def preset(key: str) -> Preset:
    return next(one for one in PRESETS if one.key == key)


def name_of(one: Preset) -> str:
    return one.name or tr("Another server")


def settings_of(one: Preset, region: str = "") -> Plain:
    """What choosing it puts into the form, by dotted path. Another server keeps its address to the person."""
    host = next((r.host for r in one.regions if r.key == region), one.regions[0].host if one.regions else one.host)
    settings: Plain = {"port": one.port, "encryption": one.encryption, "auth.enabled": True, "description": one.name}
    settings["auth.method"] = "oauth" if one.oauth else "password"
    if one.oauth:
        settings["auth.oauth.provider"] = one.oauth
    if host:
        settings["host"] = host
    if one.fixed_username:
        settings["auth.username"] = one.fixed_username
    return settings
