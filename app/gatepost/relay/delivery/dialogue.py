"""The conversation that sets up a session, as it is shown to people: both sides, secrets masked, bounded."""

from __future__ import annotations

from collections.abc import Callable

from ...model.reply import Reply
from ..common.printable import printable
from ..common.quoting import Quotes
from .values import Stage

MASK = "********"
"""What stands for a secret."""
MAX_LINES = 80
MAX_LINE = 300

Watch = Callable[[Stage], None]
"""Called when a stage begins."""


class Dialogue:
    def __init__(self, watch: Watch | None = None) -> None:
        self.lines: list[str] = []
        self.by_stage: dict[Stage, list[str]] = {}
        self.stage = Stage.RESOLVE
        self.quotes = Quotes()
        """Of the secrets that the other side was sent."""
        self._watch = watch

    def enter(self, stage: Stage) -> None:
        self.stage = stage
        if self._watch is not None:
            self._watch(stage)

    def sent(self, text: str) -> None:
        """Callers mask secrets before they come here."""
        self._add("C: ", text)

    def received(self, reply: Reply) -> None:
        lines = reply.text.split("\n")
        prefix = f"{reply.enhanced} " if reply.enhanced else ""
        for index, line in enumerate(lines):
            separator = " " if index == len(lines) - 1 else "-"
            self._add("S: ", f"{reply.code}{separator}{prefix if index == 0 else ''}{line}")

    def note(self, text: str) -> None:
        self._add("-- ", text)

    def _add(self, prefix: str, text: str) -> None:
        if len(self.lines) < MAX_LINES:
            line = prefix + printable(text, MAX_LINE)
            self.lines.append(line)
            self.by_stage.setdefault(self.stage, []).append(line)
        elif len(self.lines) == MAX_LINES:
            self.lines.append("-- …")
