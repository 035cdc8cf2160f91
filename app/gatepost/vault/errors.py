"""Why a secret could not be read or kept, in words that never hold the secret."""

from __future__ import annotations

from ..model.errors import Unavailable


class VaultError(Unavailable):
    """The vault could not do what was asked. Mail that needs the password waits; nothing is lost."""

    code = "vault"


class VaultUnavailable(VaultError):
    """There is no usable vault: no keyring, no key, or one that Gatepost does not trust."""

    code = "vault-unavailable"


class VaultLocked(VaultError):
    """The keyring is there but locked."""

    code = "vault-locked"


class VaultRefused(VaultError):
    """Somebody (a person, a policy) said no, or the keyring did not keep what it was given."""

    code = "vault-refused"


class VaultPending(VaultError):
    """The password manager has not answered yet; most likely it is asking somebody for permission."""

    code = "vault-pending"


class VaultDamaged(VaultError):
    """The sealed vault cannot be opened with this key, or its file was changed."""

    code = "vault-damaged"
