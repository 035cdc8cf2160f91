"""The story of a message, step by step: when, what, by whom, and on demand both sides of each SMTP dialogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from ....control.spool_schema import ScorePart
from ....control.tracking_schema import Timeline, TimelineEntry
from ...cards import Scrolled, divider, label, line, rows
from ...cards.text import unbroken_width
from ...i18n import mark, ntr, tr
from ...models.columns import Tone
from ...relay_texts import said
from ...theme import Role, icon, monospace, px, set_role, tokens
from ...words import moment_text, number_text
from .gateways import Gateways

AT_ONCE = 100
"""Steps that are made into widgets before somebody asks for more."""

_TITLES: Mapping[str, tuple[str, Tone]] = {
    "received": (mark("Accepted"), Tone.ACCENT),
    "refused": (mark("Refused"), Tone.BAD),
    "verified": (mark("Recipient verified"), Tone.NEUTRAL),
    "scanned": (mark("Inspected"), Tone.NEUTRAL),
    "routed": (mark("Routed"), Tone.NEUTRAL),
    "attempt": (mark("Attempt"), Tone.NEUTRAL),
    "deferred": (mark("Deferred"), Tone.WARNING),
    "delayed": (mark("Delay notice"), Tone.WARNING),
    "delivered": (mark("Delivered"), Tone.GOOD),
    "relayed": (mark("Delivered"), Tone.GOOD),
    "bounced": (mark("Could not be delivered"), Tone.BAD),
    "expired": (mark("Given up: too old"), Tone.BAD),
    "held": (mark("On hold"), Tone.WARNING),
    "released": (mark("Released"), Tone.ACCENT),
    "deleted": (mark("Deleted"), Tone.BAD),
    "rerouted": (mark("Sent another way"), Tone.ACCENT),
    "retried": (mark("Tried again by hand"), Tone.ACCENT),
    "redirected": (mark("Redirected"), Tone.ACCENT),
    "captured": (mark("Captured in the test inbox"), Tone.WARNING),
    "dsn": (mark("Sender notified"), Tone.NEUTRAL),
    "note": (mark("Note"), Tone.NEUTRAL),
}


def title_of(kind: str) -> str:
    return tr(_TITLES[kind][0]) if kind in _TITLES else kind


class TimelineView(QScrollArea):
    """``show_story`` replaces what is shown; dialogues that were open stay open while the steps before them are the same."""

    def __init__(self, gateways: Gateways, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gateways = gateways
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Timeline"))
        self._entries: tuple[TimelineEntry, ...] = ()
        self._client = ""
        self._holder = Scrolled()
        self._column = QVBoxLayout(self._holder)
        self._column.setSpacing(0)
        self._column.setContentsMargins(px(2), px(14), px(12), px(14))
        self._column.addStretch(1)
        self._more: QPushButton | None = None
        self._shown = 0
        self.setWidget(self._holder)

    def show_story(self, story: Timeline) -> None:
        entries = story.entries
        self._client = story.message.client
        if entries[: len(self._entries)] == self._entries and self._entries:
            self._entries = entries  # only news at the end
        else:
            self.clear()
            self._entries = entries
        self._grow(max(AT_ONCE, self._shown))

    def clear(self) -> None:
        while self._column.count() > 1:
            item = self._column.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._more, self._shown, self._entries = None, 0, ()

    def _grow(self, wanted: int) -> None:
        if self._more is not None:
            self._column.removeWidget(self._more)
            self._more.deleteLater()
            self._more = None
        item = self._column.itemAt(self._shown - 1) if self._shown else None
        previous = item.widget() if item is not None else None
        if isinstance(previous, _Step):
            previous.set_last(self._shown == len(self._entries))
        for number in range(self._shown, min(wanted, len(self._entries))):
            step = _Step(
                self._entries[number],
                texts_of(self._entries[number], self._client, self._gateways),
                is_last=number == len(self._entries) - 1,
            )
            self._column.insertWidget(number, step)
            self._shown = number + 1
        left = len(self._entries) - self._shown
        if left:
            self._more = QPushButton(ntr("Show {n} more step", "Show {n} more steps", left))
            set_role(self._more, Role.LINK)
            self._more.clicked.connect(lambda: self._grow(self._shown + 5 * AT_ONCE))
            self._column.insertWidget(self._shown, self._more)


class _Step(QWidget):
    def __init__(self, entry: TimelineEntry, texts: Sequence[str], *, is_last: bool) -> None:
        super().__init__()
        self._tone = _TITLES.get(entry.kind, ("", Tone.NEUTRAL))[1]
        self._is_last = is_last
        outer = line(self, gap=10)
        outer.setContentsMargins(px(26), 0, 0, px(16))
        words = rows(gap=3)
        outer.addLayout(words, 1)
        head = line(gap=10)
        title = label(title_of(entry.kind), Role.STRONG, wrap=True)
        head.addWidget(title, 1)
        head.addWidget(label(moment_text(entry.at, seconds=True), Role.MUTED), 0, Qt.AlignmentFlag.AlignTop)
        words.addLayout(head)
        if entry.recipient:
            words.addWidget(label(entry.recipient, Role.MUTED, wrap=True, selectable=True))
        for text in texts:
            words.addWidget(label(text, wrap=True, selectable=True))
        data = entry.data or {}
        if arithmetic := arithmetic_of(data):
            words.addWidget(Arithmetic(arithmetic))
        dialogue = data.get("dialogue")
        if isinstance(dialogue, list) and dialogue:
            words.addWidget(_Dialogue([str(said) for said in dialogue]))
        self.setAccessibleName(
            " ".join(filter(None, (moment_text(entry.at, seconds=True), title.text(), entry.recipient, *texts)))
        )

    def set_last(self, is_last: bool) -> None:
        if is_last != self._is_last:
            self._is_last = is_last
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dot of the step and the line to the next one."""
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        radius = px(5)
        middle = QPointF(px(8), self.fontMetrics().height() / 2 + 1)
        if not self._is_last:
            painter.setPen(QPen(QColor(colours.border), px(1.5)))
            painter.drawLine(QPointF(middle.x(), middle.y() + radius + px(4)), QPointF(middle.x(), self.height() - px(2)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(getattr(colours, f"{self._tone}_soft", colours.neutral_soft)))
        painter.drawEllipse(middle, radius + px(3), radius + px(3))
        painter.setBrush(QColor(getattr(colours, self._tone)))
        painter.drawEllipse(middle, radius, radius)


def texts_of(entry: TimelineEntry, client: str, gateways: Gateways) -> list[str]:
    """The step's own words, and what its data adds to them."""
    data = entry.data or {}
    found = []
    if entry.kind == "received":
        helo, user = data.get("helo"), data.get("user")
        if client:
            found.append(tr("From {client} {how}", client=client, how=_how(entry.text, gateways)))
        else:
            found.append(tr("Made by Gatepost itself"))
        if helo:
            found.append(tr("The client called itself {name}.", name=helo))
        if user:
            found.append(tr("Signed in as {name}.", name=user))
    elif entry.text:
        found.append(_with_reason(entry.text) if entry.kind == "attempt" else said(entry.text))
    if entry.kind == "relayed":
        found.append(tr("The next server will not report on what becomes of it."))
    if way := data.get("way"):
        found.append(tr("By {way}", way=_with_reason(str(way))))
    elif entry.kind in ("deferred", "bounced", "delivered", "relayed") and (hop := data.get("hop")):
        found.append(tr("By {way}", way=gateways.lane_text(str(hop))))
    return found


def _with_reason(text: str) -> str:
    """A next hop, and why it was taken."""
    hop, colon, why = text.rpartition(": ")
    return f"{hop}{colon}{said(why)}"


def _how(text: str, gateways: Gateways) -> str:
    """“by ESMTP on” the listener, which the relay names by its id."""
    way, found, identifier = text.rpartition(" on ")
    return said(f"{way}{found}{gateways.listener_text(identifier)}") if found else said(text)


def points_text(points: float, *, sign: bool = False) -> str:
    return f"+{number_text(points)}" if sign and points >= 0 else number_text(points)


def arithmetic_of(data: Mapping[str, Any]) -> list[ScorePart]:
    """What each source of the spam score added."""
    return [ScorePart.model_validate(part) for part in data.get("parts") or ()]


class Arithmetic(QWidget):
    """A sum as on paper: each source, what it said, what it added; the total under a line."""

    def __init__(self, parts: Sequence[ScorePart]) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, px(6), 0, 0)
        grid.setHorizontalSpacing(px(16))
        grid.setVerticalSpacing(px(4))
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 3)
        for number, part in enumerate(parts):
            source = label(part.source, wrap=True)
            source.setMinimumWidth(min(px(120), unbroken_width(source.fontMetrics(), part.source)))
            grid.addWidget(source, number, 0, Qt.AlignmentFlag.AlignTop)
            note = label(said(part.note), Role.MUTED, wrap=True, selectable=True)
            grid.addWidget(note, number, 1, Qt.AlignmentFlag.AlignTop)
            shown = tr("failed") if part.failed else points_text(part.points, sign=True)
            grid.addWidget(_figure(shown), number, 2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        grid.addWidget(divider(), len(parts), 0, 1, 3)
        grid.addWidget(label(tr("Together"), Role.STRONG), len(parts) + 1, 0)
        total = _figure(points_text(sum(part.points for part in parts)))
        set_role(total, Role.STRONG)
        grid.addWidget(total, len(parts) + 1, 2, Qt.AlignmentFlag.AlignRight)


def _figure(text: str) -> QLabel:
    made = label(text)
    made.setAlignment(Qt.AlignmentFlag.AlignRight)
    return made


class _Dialogue(QWidget):
    """A button, and below it what was said, made when it is opened for the first time."""

    def __init__(self, said: Sequence[str]) -> None:
        super().__init__()
        self._said = tuple(said)
        self._lines: _DialogueLines | None = None
        self._layout = rows(self, gap=6)
        self._layout.setContentsMargins(0, px(2), 0, 0)
        self._button = QPushButton(icon("chevron-right", "accent"), tr("Show the SMTP dialogue"))
        self._button.setCheckable(True)
        set_role(self._button, Role.LINK)
        self._button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._button.toggled.connect(self._toggled)
        self._layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)

    def _toggled(self, is_open: bool) -> None:
        self._button.setText(tr("Hide the SMTP dialogue") if is_open else tr("Show the SMTP dialogue"))
        self._button.setIcon(icon("chevron-down" if is_open else "chevron-right", "accent"))
        if is_open and self._lines is None:
            self._lines = _DialogueLines(self._said)
            self._layout.addWidget(self._lines)
        if self._lines is not None:
            self._lines.setVisible(is_open)


class _DialogueLines(QFrame):
    """Who said what: our side, their side, and notes between, each with its own name and colour."""

    def __init__(self, said: Sequence[str]) -> None:
        super().__init__()
        set_role(self, Role.INSET)
        grid = QGridLayout(self)
        grid.setContentsMargins(px(12), px(10), px(12), px(10))
        grid.setHorizontalSpacing(px(12))
        grid.setVerticalSpacing(px(2))
        grid.setColumnStretch(1, 1)
        for number, text in enumerate(said):
            who, words, role = split_line(text)
            if who:
                speaker = label(who, Role.MUTED)
                grid.addWidget(speaker, number, 0, Qt.AlignmentFlag.AlignTop)
            spoken = label(words, role, wrap=True, selectable=True)
            if who:
                spoken.setFont(monospace())
            grid.addWidget(spoken, number, 1 if who else 0, 1, 1 if who else 2)


def split_line(text: str) -> tuple[str, str, Role | None]:
    """Who said it in words ("" for a note), what was said, and how it is drawn: refusals stand out."""
    if text.startswith("C: "):
        return tr("Gatepost"), text[3:], None
    if text.startswith("S: "):
        refused = len(text) > 3 and text[3] in "45"
        return tr("Server"), text[3:], Role.ERROR if refused else None
    return "", said(text.removeprefix("-- ")), Role.MUTED
