"""Vault back ends for tests: a keyring in memory, and the ways in which real ones misbehave."""

from __future__ import annotations

import threading

from gatepost.vault import VaultKind
from gatepost.vault.errors import VaultError


class MemoryBackend:
    """Keeps secrets in a dictionary, and can be told to fail, to forget, or to wait."""

    kind = VaultKind.KEYRING
    label = "memory"

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {}
        self.reads = 0
        self.threads: set[str] = set()
        self.problem: VaultError | None = None
        self.forgetful = False
        self.gate: threading.Event | None = None

    def _enter(self) -> None:
        self.threads.add(threading.current_thread().name)
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.problem is not None:
            raise self.problem

    def check(self) -> None:
        self._enter()

    def get_password(self, service: str, account: str) -> str | None:
        self._enter()
        self.reads += 1
        return self.values.get((service, account))

    def set_password(self, service: str, account: str, password: str) -> None:
        self._enter()
        if not self.forgetful:
            self.values[service, account] = password

    def delete_password(self, service: str, account: str) -> None:
        self._enter()
        self.values.pop((service, account), None)


class ShortRing:
    """A keyring that, like Windows', takes only short values. Counts in octets of UTF-16."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.values: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.values.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > self.limit:
            raise ValueError("too long")
        self.values[username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.values[username]
