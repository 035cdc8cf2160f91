"""Why there is no token, in words that say what to do.

Providers' error codes are stable enough to explain (RFC 6749 §5.2, Microsoft's AADSTS numbers, Google's texts); what is not
known here is shown as it came. Only what the mail does depends on ``kind``, never on a provider's number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from ...model.errors import Unavailable
from ...model.oauth import OAuthProvider
from ...model.secret import Secret
from ..common.printable import printable
from ..common.quoting import unquoted

_AADSTS = re.compile(r"AADSTS(\d{4,7})")


class FaultKind(StrEnum):
    SETTINGS = "settings"
    SIGN_IN = "sign-in"
    """A person has to sign in (again)."""
    SECRET = "secret"  # noqa: S105 - a kind, not a secret
    CONSENT = "consent"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    """Passes by itself, most likely."""
    STRANGE = "strange"


class OAuthFault(Unavailable):
    """No token. ``title`` says what to do where that is known: it becomes the reason why a gateway rests."""

    code = "oauth"

    def __init__(self, kind: FaultKind, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(title, detail, hint)
        self.kind = kind

    @property
    def passes(self) -> bool:
        return self.kind is FaultKind.UNREACHABLE


class _Words(NamedTuple):
    kind: FaultKind
    title: str
    hint: str = ""


_AGAIN = "Sign in again on the gateway's Authentication card (or “gatepost gateway sign-in”); until then its mail waits."
_PORTAL = "In the Entra admin center, under App registrations"
_MICROSOFT: Mapping[int, _Words] = {
    7000215: _Words(
        FaultKind.SECRET,
        "Microsoft does not accept the client secret: enter its value anew.",
        f"{_PORTAL} → Certificates & secrets, copy the secret's Value, not its Secret ID; make a new one if it is hidden.",
    ),
    7000222: _Words(
        FaultKind.SECRET,
        "The client secret has expired: make a new one and enter it.",
        f"{_PORTAL} → Certificates & secrets, make a new client secret (24 months at most), and enter its value here.",
    ),
    7000218: _Words(
        FaultKind.SECRET,
        "Microsoft wants a client secret, or the application to be a public client.",
        f"{_PORTAL} → Authentication, allow public client flows, or enter a client secret here.",
    ),
    700025: _Words(
        FaultKind.SECRET,
        "The application is a public client, which has no secret: remove the client secret.",
        "Remove the client secret on the gateway's Authentication card.",
    ),
    700016: _Words(
        FaultKind.SETTINGS,
        "Microsoft does not know this application in this directory: check client id and tenant.",
        f"{_PORTAL}, copy the Application (client) ID and the Directory (tenant) ID of the same registration.",
    ),
    90002: _Words(
        FaultKind.SETTINGS,
        "Microsoft does not know this tenant: check it.",
        f"{_PORTAL}, copy the Directory (tenant) ID from the application's overview.",
    ),
    900023: _Words(
        FaultKind.SETTINGS,
        "The tenant is not a directory's id or domain: check it.",
        f"{_PORTAL}, copy the Directory (tenant) ID.",
    ),
    50011: _Words(
        FaultKind.SETTINGS,
        "The application does not list this redirect address: add http://localhost to it.",
        f"{_PORTAL} → Authentication, add the platform “Mobile and desktop applications” with http://localhost.",
    ),
    65001: _Words(
        FaultKind.CONSENT,
        "The application has no consent to send mail: sign in again and agree, or have an administrator grant it.",
        f"{_PORTAL} → API permissions, add SMTP.Send of Office 365 Exchange Online and grant admin consent.",
    ),
    65004: _Words(FaultKind.CONSENT, "The consent was declined: sign in again and agree.", _AGAIN),
    90094: _Words(
        FaultKind.CONSENT,
        "Only an administrator may agree to this application: have one grant consent.",
        f"{_PORTAL} → API permissions, choose “Grant admin consent”.",
    ),
    70011: _Words(FaultKind.SETTINGS, "Microsoft does not know the scope that is asked for: leave the field empty.", ""),
    1002012: _Words(FaultKind.SETTINGS, "An application's scope must end in /.default: leave the field empty.", ""),
    50034: _Words(FaultKind.SIGN_IN, "Microsoft does not know this user in this directory: check user and tenant.", _AGAIN),
    50057: _Words(FaultKind.SIGN_IN, "The user account is disabled: enable it, then sign in again.", _AGAIN),
    50076: _Words(FaultKind.SIGN_IN, "The directory asks for another factor (MFA): sign in again and confirm it.", _AGAIN),
    50079: _Words(FaultKind.SIGN_IN, "The user must set up another factor (MFA): sign in again and set it up.", _AGAIN),
    50078: _Words(FaultKind.SIGN_IN, "The other factor (MFA) has to be confirmed anew: sign in again.", _AGAIN),
    50158: _Words(FaultKind.SIGN_IN, "The directory asks for something more at the sign-in: sign in again.", _AGAIN),
    53003: _Words(
        FaultKind.REFUSED,
        "A Conditional Access policy blocks the sign-in: have the administrator allow it.",
        "In the Entra admin center, under Sign-in logs, see which policy it was; allow this application or this address.",
    ),
    50173: _Words(FaultKind.SIGN_IN, "The sign-in was revoked, most likely by a changed password: sign in again.", _AGAIN),
    50132: _Words(FaultKind.SIGN_IN, "The session was ended, most likely by a changed password: sign in again.", _AGAIN),
    50133: _Words(FaultKind.SIGN_IN, "The session was ended, most likely by a changed password: sign in again.", _AGAIN),
    70008: _Words(FaultKind.SIGN_IN, "The sign-in has expired: sign in again.", _AGAIN),
    70043: _Words(FaultKind.SIGN_IN, "The directory's policy has ended the sign-in: sign in again.", _AGAIN),
    700082: _Words(FaultKind.SIGN_IN, "The sign-in has expired because it was not used: sign in again.", _AGAIN),
    700084: _Words(
        FaultKind.SETTINGS,
        "The redirect address is registered as a single-page app, whose sign-ins end after a day.",
        f"{_PORTAL} → Authentication, register http://localhost as “Mobile and desktop applications”, and sign in again.",
    ),
    501051: _Words(
        FaultKind.REFUSED,
        "The user is not assigned to the application: assign it.",
        "In the Entra admin center, under Enterprise applications → Users and groups.",
    ),
}  # fmt: skip
_GENERAL: Mapping[str, _Words] = {
    "invalid_grant": _Words(
        FaultKind.SIGN_IN,
        "The sign-in was revoked or has expired (a withdrawn consent, a changed password, a long rest): sign in again.",
        _AGAIN,
    ),
    "interaction_required": _Words(FaultKind.SIGN_IN, "The provider wants to see a person: sign in again.", _AGAIN),
    "consent_required": _Words(FaultKind.CONSENT, "The application has no consent: sign in again and agree.", _AGAIN),
    "invalid_client": _Words(
        FaultKind.SECRET,
        "The provider does not accept the client id or secret: enter them anew.",
        "Copy both from the same registration; a deleted or expired secret needs a new one.",
    ),
    "deleted_client": _Words(
        FaultKind.SETTINGS, "The client was deleted at the provider: register a new one.", "Enter the new client id and secret."
    ),
    "unauthorized_client": _Words(
        FaultKind.REFUSED,
        "The provider does not allow this application to ask for this.",
        "Check which sign-ins and permissions its registration allows.",
    ),
    "unsupported_grant_type": _Words(FaultKind.SETTINGS, "The provider does not know this kind of sign-in: try the other.", ""),
    "invalid_scope": _Words(FaultKind.SETTINGS, "The provider does not know the scope that is asked for: check it.", ""),
    "access_denied": _Words(FaultKind.CONSENT, "The sign-in was declined in the browser: sign in again and agree.", _AGAIN),
    "redirect_uri_mismatch": _Words(
        FaultKind.SETTINGS,
        "The client does not allow this redirect address.",
        "Register the client as a desktop application, whose redirects to this computer are allowed.",
    ),
    "temporarily_unavailable": _Words(FaultKind.UNREACHABLE, "The provider cannot answer just now.", ""),
    "server_error": _Words(FaultKind.UNREACHABLE, "The provider has a problem just now.", ""),
}  # fmt: skip
_GOOGLE: Mapping[str, _Words] = {
    "unauthorized_client": _Words(
        FaultKind.CONSENT,
        "Google has not delegated this mailbox to the service account: allow it in the Admin console.",
        "Admin console → Security → API controls → Domain-wide delegation: add the service account's client id with the scope "
        "https://mail.google.com/. It can take some minutes to count.",
    ),
    "invalid_grant": _Words(
        FaultKind.SIGN_IN,
        "The sign-in was revoked or has expired (a withdrawn consent, a changed password, a client in testing): sign in again.",
        f"{_AGAIN} Google ends sign-ins after 7 days while the client's publishing status is “Testing”.",
    ),
    "admin_policy_enforced": _Words(
        FaultKind.REFUSED, "A policy of the Google Workspace blocks this client: have its administrator trust it.", ""
    ),
}  # fmt: skip
_SERVICE_GRANT = _Words(
    FaultKind.SECRET,
    "Google does not accept the service account's assertion: check the key, the mailbox and this computer's clock.",
    "The key may have been deleted, the mailbox may not exist, or the clock may be wrong by more than some minutes.",
)


def refusal(
    provider: OAuthProvider, status: int, body: Mapping[str, Any], *secrets: Secret, is_service_account: bool = False
) -> OAuthFault:
    """An error answer of a token endpoint (RFC 6749 §5.2) or of the browser's way back, as a fault."""
    error, description = _text(body.get("error")), _text(body.get("error_description"))
    numbers = _numbers(body, description)
    words = next((_MICROSOFT[number] for number in numbers if number in _MICROSOFT), None)
    if words is None and is_service_account and error == "invalid_grant":
        words = _SERVICE_GRANT
    if words is None and provider is OAuthProvider.GOOGLE:
        words = _GOOGLE.get(error) if error != "unauthorized_client" or is_service_account else None
    words = words or _GENERAL.get(error)
    if words is None and (status == 429 or status >= 500):
        words = _Words(FaultKind.UNREACHABLE, f"The provider answered with HTTP status {status}.", "It is asked again later.")
    said = unquoted(" – ".join(filter(None, (error, description.split("\n")[0]))), *secrets)
    detail = f"It said “{printable(said, 300)}”." if said else f"It answered with HTTP status {status}."
    if words is None:
        return OAuthFault(FaultKind.REFUSED, "The provider gave no token.", detail, "Look the message up at the provider.")
    return OAuthFault(words.kind, words.title, detail, words.hint)


def _numbers(body: Mapping[str, Any], description: str) -> Sequence[int]:
    """Microsoft's own, the text's first: ``error_codes`` may list several."""
    listed = body.get("error_codes")
    numbers = [int(match) for match in _AADSTS.findall(description)]
    return [*numbers, *(number for number in (listed if isinstance(listed, list) else ()) if isinstance(number, int))]


def _text(value: object) -> str:
    return value[:2000] if isinstance(value, str) else ""


def not_signed_in() -> OAuthFault:
    return OAuthFault(FaultKind.SIGN_IN, "Nobody has signed in for this gateway yet: sign in.", "", _AGAIN)


def other_settings() -> OAuthFault:
    return OAuthFault(
        FaultKind.SIGN_IN,
        "The sign-in was made for another client, provider or mailbox: sign in again.",
        "It is not sent to where the settings point now.",
        _AGAIN,
    )


def no_secret(is_service_account: bool) -> OAuthFault:
    what = "service account's key" if is_service_account else "client secret"
    return OAuthFault(
        FaultKind.SECRET, f"There is no stored {what} for this gateway: enter it.", "",
        "Enter it on the gateway's Authentication card.",
    )  # fmt: skip
