"""The vault as the relay uses it: named secrets, asynchronously, whatever stands behind."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from ..model.errors import InvalidInput, Issue
from ..model.secret import Secret
from .backend import SERVICE, Backend, VaultKind
from .errors import VaultError, VaultPending, VaultRefused
from .sealed import SealedBackend
from .worker import Worker

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_SECRET = 32_768
"""Characters. OAuth tokens have a few thousand."""
MAX_NAME = 200

ANSWER_SECONDS = 30.0
"""How long a caller waits for a password manager that asks somebody."""
NOTICE_SECONDS = 1.5
"""A call that takes longer is most likely a prompt, and says so."""
CACHE_SECONDS = 60.0

WaitingListener = Callable[[bool], None]
"""Called on the event loop: True when the vault waits for the password manager, False when it no longer does."""


@dataclass(frozen=True, slots=True)
class VaultState:
    """``kind`` is None while no vault could be chosen. ``problem`` and ``hint`` are empty when it is usable."""

    kind: VaultKind | None
    label: str
    usable: bool
    problem: str = ""
    hint: str = ""
    waiting: bool = False


class Vault:
    """Named secrets. Every call runs in the vault's one thread, so the loop never waits for a prompt or a disk.

    ``choose`` finds the back end; it is asked at the first call and again after each failure of its own, so that a
    keyring that appears later is used. ``prefix`` (asked once, in the thread) keeps the secrets of two data folders
    apart. Secrets that were read are kept in memory for ``cache_seconds``.
    """

    def __init__(
        self,
        choose: Callable[[], Backend],
        prefix: Callable[[], str],
        *,
        on_waiting: WaitingListener | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        notice_seconds: float = NOTICE_SECONDS,
        cache_seconds: float = CACHE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_waiting = on_waiting
        self._choose = choose
        self._find_prefix = prefix
        self._answer_seconds = answer_seconds
        self._notice_seconds = notice_seconds
        self._cache_seconds = cache_seconds
        self._monotonic = monotonic
        self._worker = Worker("vault")
        self._backend: Backend | None = None
        self._prefix: str | None = None
        self._cache: dict[str, tuple[float, Secret]] = {}
        self._slow: set[Future[Any]] = set()

    async def get(self, name: str) -> Secret | None:
        """The secret, or None when none is stored under this name. Raises VaultError."""
        _check_name(name)
        if (kept := self._cache.get(name)) is not None and self._monotonic() < kept[0]:
            return kept[1]
        return await self._run(lambda: self._get(name))

    async def set(self, name: str, secret: Secret) -> None:
        """Store, and read back what was stored. Raises VaultError, or InvalidInput for what no vault can hold."""
        _check_name(name)
        _check_secret(secret)
        await self._run(lambda: self._set(name, secret))

    async def delete(self, name: str) -> None:
        """Forget. Deleting what is not there is no error. Raises VaultError."""
        _check_name(name)
        await self._run(lambda: self._delete(name))

    async def renew_key(self) -> int:
        """A new key for the sealed vault; how many secrets it seals. Raises VaultError, also where there is no such key."""
        return await self._run(self._renew_key)

    async def describe(self) -> VaultState:
        """Which vault this is and whether it works now. Never raises VaultError and never asks a person for anything."""
        try:
            return await self._run(self._describe)
        except VaultPending as error:
            backend = self._backend
            return VaultState(
                backend.kind if backend else None,
                backend.label if backend else "",
                False,
                error.title,
                error.hint,
                waiting=True,
            )

    @property
    def is_waiting(self) -> bool:
        """Whether a call has been unanswered for longer than ``notice_seconds``."""
        return bool(self._slow)

    async def close(self) -> None:
        """Forget the cache and end the thread. A call that hangs on a prompt is left behind."""
        self._cache.clear()
        self._worker.close()
        await asyncio.to_thread(self._worker.join, 1.0)

    # --- on the loop ---

    async def _run(self, job: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        future = self._worker.submit(job)
        notice = loop.call_later(self._notice_seconds, self._waiting_began, loop, future)
        try:
            # Not wait_for: until Python 3.12 that one forgets that it is cancelled when the answer comes just then.
            async with asyncio.timeout(self._answer_seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            pending = VaultPending(
                "Waiting for your password manager.",
                f"It has not answered for {self._answer_seconds:g} seconds; most likely it is asking for permission.",
                "Look for its window, answer it, and try again.",
            )
        finally:
            notice.cancel()
        raise pending

    def _waiting_began(self, loop: asyncio.AbstractEventLoop, future: Future[Any]) -> None:
        if future.done():
            return
        self._slow.add(future)
        if len(self._slow) == 1:
            log.warning("waiting for the password manager")
            self._tell(True)

        def over(done: Future[Any]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is left to be told
                loop.call_soon_threadsafe(self._waiting_ended, done)

        future.add_done_callback(over)

    def _waiting_ended(self, future: Future[Any]) -> None:
        self._slow.discard(future)
        if not self._slow:
            log.info("the password manager has answered")
            self._tell(False)

    def _tell(self, waiting: bool) -> None:
        if self.on_waiting is not None:
            self.on_waiting(waiting)

    # --- in the vault's thread ---

    def _chosen(self) -> Backend:
        if self._backend is None:
            self._backend = self._choose()
            log.info("secrets are kept in: %s", self._backend.label)
        return self._backend

    def _account(self, name: str) -> str:
        if self._prefix is None:
            self._prefix = self._find_prefix()
        return f"{self._prefix}/{name}"

    def _get(self, name: str) -> Secret | None:
        value = self._chosen().get_password(SERVICE, self._account(name))
        if value is None:
            self._cache.pop(name, None)
            return None
        secret = Secret(value)
        self._cache[name] = (self._monotonic() + self._cache_seconds, secret)
        return secret

    def _set(self, name: str, secret: Secret) -> None:
        self._cache.pop(name, None)
        backend, account = self._chosen(), self._account(name)
        backend.set_password(SERVICE, account, secret.reveal())
        kept = backend.get_password(SERVICE, account)
        if kept is None or not hmac.compare_digest(kept.encode(), secret.reveal().encode()):
            raise VaultRefused(
                "The password was not kept.",
                f"{backend.label} took it without an error but does not give it back.",
                "Check the password manager, or use a sealed vault.",
            )

    def _delete(self, name: str) -> None:
        self._cache.pop(name, None)
        self._chosen().delete_password(SERVICE, self._account(name))

    def _renew_key(self) -> int:
        backend = self._chosen()
        if not isinstance(backend, SealedBackend):
            raise VaultRefused(
                "There is no key to renew.", f"The passwords are in the {backend.label}, which looks after its own."
            )
        return backend.renew_key()

    def _describe(self) -> VaultState:
        try:
            backend = self._chosen()
        except VaultError as error:
            return VaultState(None, "", False, " ".join(filter(None, (error.title, error.detail))), error.hint)
        try:
            backend.check()
        except VaultError as error:
            problem = " ".join(filter(None, (error.title, error.detail)))
            return VaultState(backend.kind, backend.label, False, problem, error.hint)
        return VaultState(backend.kind, backend.label, True)


def _check_name(name: str) -> None:
    if not name or len(name) > MAX_NAME or not name.isascii() or not name.isprintable():
        raise InvalidInput([Issue("name", f"a secret's name has 1 to {MAX_NAME} printable ASCII characters")])


def _check_secret(secret: Secret) -> None:
    value = secret.reveal()
    if not value:
        raise InvalidInput([Issue("secret", "an empty password cannot be stored; delete it instead")])
    if len(value) > MAX_SECRET:
        raise InvalidInput([Issue("secret", f"longer than {MAX_SECRET:,} characters")])
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidInput([Issue("secret", "it holds characters that no password manager can store")])
