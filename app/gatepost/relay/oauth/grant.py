"""What a person's sign-in leaves in the vault: the refresh token, and for whom and where it may be used.

It is bound to the client, the token endpoint and the mailbox that it was made for: settings that change later never send
it elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ...model.oauth import OAuthAccount
from ...model.secret import Secret

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Grant:
    """Times in seconds since the epoch. ``expires_at`` None: the provider did not say."""

    refresh_token: Secret
    bound_to: str
    account: str
    """Who signed in, as far as the provider told."""
    granted_at: float
    renewed_at: float
    expires_at: float | None = None

    def fits(self, account: OAuthAccount) -> bool:
        return self.bound_to == binding(account)

    def sealed(self) -> Secret:
        return Secret(
            json.dumps(
                {
                    "version": _VERSION,
                    "refresh_token": self.refresh_token.reveal(),
                    "bound_to": self.bound_to,
                    "account": self.account,
                    "granted_at": self.granted_at,
                    "renewed_at": self.renewed_at,
                    "expires_at": self.expires_at,
                }
            )
        )


def binding(account: OAuthAccount) -> str:
    settings = account.settings
    return f"{settings.token_endpoint} {settings.client_id} {account.username}"


def grant_from(sealed: Secret) -> Grant | None:
    """None for what is no grant of this version."""
    try:
        found = json.loads(sealed.reveal())
        if found["version"] != _VERSION:
            return None
        return Grant(
            Secret(str(found["refresh_token"])),
            str(found["bound_to"]),
            str(found["account"]),
            float(found["granted_at"]),
            float(found["renewed_at"]),
            None if found["expires_at"] is None else float(found["expires_at"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
