"""Trouble of the relay while nobody looks at the overview: told once, and settled when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from .i18n import tr
from .messages import Messages
from .relay_texts import said
from .session import RelaySession

if TYPE_CHECKING:
    from ..control.schema import EventMessage, Snapshot

PREFIX = "relay/"
"""Begins the keys of what stands in the relay's own report, too: the overview shows it from there."""
CHOSEN = ("capture", "faults")
"""Kinds of problems that somebody chose to have: marked above every page, but no news."""


class TroubleWatch(QObject):
    """Hands on what the relay says of gateways and of itself to ``Messages.attention``."""

    def __init__(self, session: RelaySession, messages: Messages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._messages = messages
        self._lasting: set[str] = set()
        session.snapshot_arrived.connect(self._on_snapshot)
        session.happened.connect(self._on_event)

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        """What is wrong now; what was wrong before the connection was lost and is not any more is over."""
        now: dict[str, tuple[str, str]] = {}
        for problem in snapshot.status.relay.problems:
            if problem.kind in CHOSEN:
                continue
            now[f"{PREFIX}{problem.subject or problem.kind}"] = (problem.title, problem.detail)
        self._tell(now)

    def _tell(self, now: dict[str, tuple[str, str]]) -> None:
        for known in self._messages.attention_list:
            if known.key.startswith(PREFIX) and known.key not in now:
                self._messages.settled(known.key)
        for key, (title, detail) in now.items():
            self._messages.attention(key, said(title), said(detail), page="overview")

    def _on_problems(self, problems: Iterable[Mapping[str, Any]]) -> None:
        now = {f"{PREFIX}{one.get('subject', '')}": one for one in problems}
        for key in self._lasting - now.keys():
            self._messages.settled(key)
        self._lasting = set(now)
        for key, one in now.items():
            self._messages.attention(key, said(str(one.get("title", ""))), said(str(one.get("detail", ""))), page="overview")

    def _on_event(self, event: EventMessage) -> None:
        if event.kind == "problems.changed":  # what has lasted, by the limits of Settings → Alarms
            self._on_problems(event.data.get("problems", ()))
            return
        key = f"{PREFIX}{event.data.get('key', '')}"
        label, cause = str(event.data.get("label", "")), said(str(event.data.get("cause", "")))
        if event.kind == "gateway.resting":
            self._messages.attention(key, tr("{name} rests.", name=label), cause, page="overview")
        elif event.kind == "gateway.healthy":
            self._messages.settled(key)
        elif event.kind == "gateway.address-blocked":
            self._messages.notify(tr("{name} refuses our address.", name=label), cause)
