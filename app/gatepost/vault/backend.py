"""What stands behind a vault: the part of keyring's back-end interface that Gatepost uses."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

SERVICE = "Gatepost"
"""The service name under which every secret stands in a keyring."""


class VaultKind(StrEnum):
    AUTO = "auto"
    KEYRING = "keyring"
    SEALED = "sealed"


class Backend(Protocol):
    """Keyring-style calls that may block. Each raises VaultError, never a library's own exception."""

    @property
    def kind(self) -> VaultKind: ...

    @property
    def label(self) -> str:
        """For people: “Secret Service”, “sealed vault (/etc/…)”."""
        ...

    def check(self) -> None:
        """Raises VaultError when secrets cannot be read now. Never asks the person for anything."""
        ...

    def get_password(self, service: str, account: str) -> str | None: ...

    def set_password(self, service: str, account: str, password: str) -> None: ...

    def delete_password(self, service: str, account: str) -> None:
        """Deleting what is not there is no error."""
        ...
