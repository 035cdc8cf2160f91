"""Text from outside, made safe for one line of a log, a journal entry or a reply."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a1-\u2027\u2030-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str | bytes, limit: int = 500) -> str:
    """``text`` on one line, without control characters, at most ``limit`` characters."""
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", "replace")
    text = _UNPRINTABLE.sub(lambda match: " " if match[0] in "\r\n\t" else "?", text[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"
