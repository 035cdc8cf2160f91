"""Octets of a message as text to read: whatever they are, and nothing of them acts."""

from __future__ import annotations

from collections.abc import AsyncIterator

from PySide6.QtWidgets import QFrame, QPlainTextEdit

from ...i18n import tr
from ...theme import monospace
from ...words import size_text

MOST_SHOWN = 262_144
"""Octets of a message that are shown."""
MOST_HEADER = 65_536


async def beginning(content: AsyncIterator[bytes], most: int = MOST_SHOWN) -> bytes:
    """The first so many octets, at most; the rest is not asked for."""
    head = b""
    async for chunk in content:
        head += chunk
        if len(head) >= most:
            break
    return head[:most]


def header_text(head: bytes) -> str:
    return shown(head.partition(b"\r\n\r\n")[0][:MOST_HEADER])


def raw_text(head: bytes, size: int) -> str:
    """With a word about what is left out of a large message."""
    rest = max(0, size - MOST_SHOWN)
    note = tr("\n\n… and {size} more. Save the message to see all of it.", size=size_text(rest)) if rest else ""
    return shown(head[:MOST_SHOWN]) + note


def shown(raw: bytes) -> str:
    """As text, whatever it is: UTF-8 where it is that, else octet by octet; controls made visible."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.replace("\r\n", "\n").translate(_CONTROLS)


_CONTROLS = {number: 0x2400 + number for number in range(32) if number not in (9, 10)}
"""Control characters as their pictures (U+2400…)."""


class RawText(QPlainTextEdit):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setFont(monospace())
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
