"""Commands without a task for each connection: stepped by hand, resumed by the future that they wait for.

aiosmtpd's ``SMTP`` reads a ``StreamReader`` in a task of its own. Here the same ``smtp_*`` coroutines are driven directly:
most finish at their first step, within ``data_received``, and their replies leave in one write. One that waits for a future
(a commit, a verdict, a password) suspends the parsing of its connection until the future's callback goes on with it. No
task, no stream, no timer for a connection.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from typing import Any

from ...model.reply import Reply
from .replies import Refusal
from .wire import CHUNK, DATA, Wire

log = logging.getLogger(__name__)


class Driver(Wire):
    """Runs one coroutine at a time: the command that is being obeyed."""

    _coroutine: Coroutine[Any, Any, None] | None = None
    """The one that waits."""
    _suspended_at = 0.0

    def _drive(self, coroutine: Coroutine[Any, Any, None]) -> bool:
        """Step a command until it is done (True) or waits for a future (False)."""
        try:
            waited = coroutine.send(None)
        except StopIteration:
            return True
        except (Exception, asyncio.CancelledError):  # cancelled: whom we waited for, not us; there is no task
            self._fail()
            return True
        self._coroutine = coroutine
        self._suspended_at = self.endpoint.now
        if waited is None:
            self.loop.call_soon(self._resume, None)
        else:
            waited._asyncio_future_blocking = False  # what a task does: the future was awaited properly
            waited.add_done_callback(self._resume)
        return False

    def _resume(self, _: Any) -> None:
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is None or not self._drive(coroutine):
            if self._out:
                self.flush()
            return
        if self._is_lost:
            self._abandon()
            return
        self._data_paused(self.endpoint.now - self._suspended_at)
        self._since = self.endpoint.now
        self._go_on()

    def _fail(self) -> None:
        """A fault of ours: the client may try again, the log knows what it was."""
        reference = secrets.token_hex(4).upper()
        log.exception("session of %s failed, reference %s", self.client.address if self.client else "?", reference)
        self._set_rset_state()
        reply = Reply(451, "4.3.0", f"Something went wrong here, please try again later; reference {reference}")
        # Within a message there is nothing to put the rest of it into, and it must not be taken for commands.
        is_within_content = self._mode is DATA or self._mode is CHUNK
        self._refuse(Refusal("internal", reply, is_within_content, is_error=False))

    # --- what the layers above make of it -----------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Nothing is waited for any more: obey what has come meanwhile."""
        raise NotImplementedError

    def _data_paused(self, seconds: float) -> None:
        """The wait was ours; it does not count against the client."""

    def _set_rset_state(self) -> None:
        """aiosmtpd's name for: forget the transaction."""
        raise NotImplementedError

    def _abandon(self) -> None:
        """The connection is gone and nothing is under way: leave nothing behind."""
