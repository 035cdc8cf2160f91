"""Signing in: who it is, and how often somebody may guess (by connection, address and account)."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

from ...model.access import RelayUser
from . import scrypt_verifier

FAILURES_PER_CONNECTION = 3
FAILURES_PER_ADDRESS = 20
FAILURES_PER_ACCOUNT = 50
WINDOW_SECONDS = 900.0
"""Failures are forgotten this long after the last one."""
CACHE_SECONDS = 300.0
_CACHE_ENTRIES = 512
_TRACKED = 10_000
_MAX_DELAY = 8.0

Verify = Callable[[bytes, str], bool]


class Outcome(StrEnum):
    AUTHENTICATED = "authenticated"
    REFUSED = "refused"
    BLOCKED = "blocked"
    """Too many failures: nothing was checked."""


class _Failures:
    """Counts failures by key; a key is forgotten ``WINDOW_SECONDS`` after its last one."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._entries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def count(self, key: str) -> int:
        found = self._entries.get(key)
        if found is None:
            return 0
        if self._monotonic() - found[1] > WINDOW_SECONDS:
            del self._entries[key]
            return 0
        return found[0]

    def add(self, key: str) -> None:
        self._entries[key] = (self.count(key) + 1, self._monotonic())
        self._entries.move_to_end(key)
        while len(self._entries) > _TRACKED:
            self._entries.popitem(last=False)

    def clear(self, key: str) -> None:
        self._entries.pop(key, None)


class Authenticator:
    """Checks passwords in two threads at most (scrypt takes 16 MiB each); remembers good ones for a few minutes.

    An unknown user costs the same as a wrong password.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        verify: Verify = scrypt_verifier.verify,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._verify = verify
        self._threads: ThreadPoolExecutor | None = None
        self._by_address = _Failures(monotonic)
        self._by_account = _Failures(monotonic)
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, float] = OrderedDict()

    async def check(
        self, users: Mapping[str, RelayUser], username: str, password: bytes, client: str, failures_here: int
    ) -> Outcome:
        """``failures_here``: how often this connection has failed already."""
        account = username.casefold()
        if (
            failures_here >= FAILURES_PER_CONNECTION
            or self._by_address.count(client) >= FAILURES_PER_ADDRESS
            or self._by_account.count(account) >= FAILURES_PER_ACCOUNT
        ):
            return Outcome.BLOCKED
        user = users.get(account)
        verifier = user.verifier if user is not None and user.verifier else scrypt_verifier.DUMMY
        mark = self._mark(account, password, verifier)
        until = self._good.get(mark)
        if until is not None and self._monotonic() < until:
            return Outcome.AUTHENTICATED
        if self._threads is None:
            self._threads = ThreadPoolExecutor(2, thread_name_prefix="gatepost-scrypt")
        is_right = await asyncio.get_running_loop().run_in_executor(self._threads, self._verify, password, verifier)
        if is_right and user is not None:
            self._good[mark] = self._monotonic() + CACHE_SECONDS
            while len(self._good) > _CACHE_ENTRIES:
                self._good.popitem(last=False)
            self._by_account.clear(account)
            return Outcome.AUTHENTICATED
        self._by_address.add(client)
        self._by_account.add(account)
        worst = max(failures_here, self._by_address.count(client) - 1, self._by_account.count(account) - 1)
        await self._sleep(min(0.5 * 2 ** min(worst, 10), _MAX_DELAY))
        return Outcome.REFUSED

    def _mark(self, account: str, password: bytes, verifier: str) -> bytes:
        digest = hashlib.blake2b(key=self._key)
        for part in (account.encode(), password, verifier.encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None
