"""The SMTP session: aiosmtpd's ``SMTP`` with our connection, commands, transaction and acceptance on top."""

from __future__ import annotations

from typing import Any

from .lines import Command
from .transaction import Transaction

_FREE = frozenset({"RCPT", "DATA", "BDAT", "QUIT"})
"""Do not count as commands without mail: they are part of sending it, or the end."""
_BEFORE_TLS = frozenset({"NOOP", "EHLO", "HELO", "STARTTLS", "QUIT", "HELP", "RSET"})


class Session(Transaction):
    """One client's connection. See ``driving`` for how it runs, ``transaction`` for what it does."""

    _smtp_methods: dict[str, Any] = {}  # noqa: RUF012 - shared by all sessions on purpose


def _build_table() -> None:
    """aiosmtpd looks through ``dir(self)`` for each connection; once for the class is enough."""
    for attribute in dir(Session):
        if attribute.startswith("smtp_"):
            name = attribute.removeprefix("smtp_")
            method = getattr(Session, attribute)
            Session._smtp_methods[name] = method
            Session._table[name.encode()] = Command(method, name in _FREE, name in _BEFORE_TLS)


_build_table()
