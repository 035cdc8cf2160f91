"""An SMTP reply as a value: code, enhanced status code and text (RFC 5321 §4.2, RFC 2034, RFC 3463)."""

from __future__ import annotations

import re

from .value import value

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


@value(frozen=True, slots=True)
class Reply:
    """What one side says. ``enhanced`` is empty where none was given; ``text`` is one line or several joined by LF."""

    code: int
    enhanced: str
    text: str

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def is_transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        return 500 <= self.code < 600

    def wire(self) -> bytes:
        """The octets to send, printable ASCII only, every line ended by CRLF."""
        prefix = f"{self.enhanced} " if self.enhanced else ""
        lines = [_UNPRINTABLE.sub("?", prefix + line)[:500] for line in self.text.split("\n")]
        return b"".join(
            f"{self.code}{' ' if i == len(lines) - 1 else '-'}{line}\r\n".encode("ascii") for i, line in enumerate(lines)
        )

    def __str__(self) -> str:
        prefix = f"{self.enhanced} " if self.enhanced else ""
        return f"{self.code} {prefix}{self.text}".replace("\n", " / ")
