"""The story of one message: its timeline with both sides of each SMTP dialogue."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication

from ....control.tracking_schema import Timeline
from ....model.errors import NotFound
from ...cards import Tone
from ...context import AppContext
from ...i18n import tr
from ...words import moment_text
from ..lists.gateways import Gateways
from ..lists.list_page import Detail
from ..lists.timeline import TimelineView, texts_of, title_of
from ..spool.columns import facts_text, sender_text
from .columns import outcome_text, state_text, state_tone

IN_SPOOL = ("waiting", "deferred", "quarantined")


class TrackingDetail(Detail):
    spool_wanted = Signal(str)
    """queue id"""

    def __init__(
        self, context: AppContext, gateways: Gateways, spawn: Callable[[Coroutine[Any, Any, Any], str], object]
    ) -> None:
        super().__init__()
        self._context = context
        self._gateways = gateways
        self._spawn = spawn
        self._story: Timeline | None = None
        self._to_spool = self.head.add("spool", tr("Show in the spool"), lambda: self.spool_wanted.emit(self.queue_id))
        self.head.add("copy", tr("Copy the whole story"), self._copy)
        self.timeline = TimelineView(gateways)
        self.column.addWidget(self.timeline, 1)

    def show_message(self, queue_id: str) -> None:
        if queue_id != self.queue_id:
            self.queue_id, self._story = queue_id, None
            self.head.clear(queue_id)
            self.timeline.clear()
        self._spawn(self._load(queue_id), "tell a story")

    async def _load(self, queue_id: str) -> None:
        try:
            story = await self._context.session.client.timeline(queue_id)
        except NotFound:
            if queue_id == self.queue_id:
                words = tr("{id} · Nothing is kept of this message any more.", id=queue_id)
                self.head.tell_state(tr("Forgotten"), Tone.NEUTRAL, words)
            return
        if queue_id != self.queue_id:
            return
        self._story = story
        message = story.message
        facts = facts_text(message.queue_id, message.sender, message.size, message.received_at)
        facts = "\n".join(filter(None, (facts, message.message_id_header, outcome_text(message))))
        self.head.tell(state_text(message.state), Tone(state_tone(message.state).value), message.subject, facts)
        self._to_spool.setVisible(message.state in IN_SPOOL)
        self.timeline.show_story(story)

    def _copy(self) -> None:
        if self._story is not None:
            QGuiApplication.clipboard().setText(story_text(self._story, self._gateways))


def story_text(story: Timeline, gateways: Gateways) -> str:
    """As plain text, for a mail or a ticket."""
    message = story.message
    lines = [f"{message.queue_id}  {state_text(message.state)}  {sender_text(message.sender)}  {message.subject}"]
    for entry in story.entries:
        head = f"{moment_text(entry.at, seconds=True)}  {title_of(entry.kind)}  {entry.recipient}".rstrip()
        lines += ["", head, *(f"    {text}" for text in texts_of(entry, message.client, gateways))]
        dialogue = (entry.data or {}).get("dialogue")
        if isinstance(dialogue, list):
            lines += [f"    {said}" for said in dialogue]
    return "\n".join(lines) + "\n"
