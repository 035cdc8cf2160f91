"""DKIM keys of our own domains (RFC 6376). The private key lives in the vault; here stands only what is public."""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import Field, field_validator

from .fields import Domain, Identifier, Model, new_id

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\Z")


class DkimAlgorithm(StrEnum):
    RSA_2048 = "rsa-2048"
    ED25519 = "ed25519"


class DkimKey(Model):
    """Mail from ``domain`` that we send for our own users is signed with this key while it is enabled."""

    id: Identifier = Field(default_factory=lambda: new_id("dkim"))
    domain: Domain
    selector: str = "gatepost"
    algorithm: DkimAlgorithm = DkimAlgorithm.RSA_2048
    public_key: str = ""
    """Base64, as it stands behind ``p=`` in DNS; made together with the private key."""
    enabled: bool = False
    """Off until the DNS record is published: a signature that nobody can check does harm."""

    @field_validator("selector")
    @classmethod
    def _dns_label(cls, value: str) -> str:
        if not _SELECTOR.match(value):
            raise ValueError("use lower-case letters, digits, hyphens and dots")
        return value

    @property
    def secret(self) -> str:
        """The vault's name for the private key."""
        return f"dkim/{self.id}/key"

    @property
    def record_name(self) -> str:
        """Where the public key is published."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record_text(self) -> str:
        """The TXT record's content."""
        kind = "rsa" if self.algorithm is DkimAlgorithm.RSA_2048 else "ed25519"
        return f"v=DKIM1; k={kind}; p={self.public_key}"
