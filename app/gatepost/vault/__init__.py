"""Passwords and tokens: the account's own keyring, or a sealed file for service accounts that have none.

A secret goes in and comes out as ``model.secret.Secret`` under a name such as ``gateway/gw-1/password``. Nothing else of
Gatepost ever stores one. May import ``gatepost.model`` only, and is the only package that imports keyring.

Begin with ``opening.open_vault`` (which vault, and why) and ``vault.Vault`` (what callers use). Behind it stand two
keyring-style back ends: ``ring`` (the system's keyring, by an allow-list: never a plaintext file) and ``sealed`` (one
encrypted file, its key from ``key``). Importing this package loads neither keyring nor cryptography.
"""

from .backend import Backend, VaultKind
from .errors import VaultDamaged, VaultError, VaultLocked, VaultPending, VaultRefused, VaultUnavailable
from .opening import open_vault
from .vault import Vault, VaultState

__all__ = [
    "Backend",
    "Vault",
    "VaultDamaged",
    "VaultError",
    "VaultKind",
    "VaultLocked",
    "VaultPending",
    "VaultRefused",
    "VaultState",
    "VaultUnavailable",
    "open_vault",
]
