"""The overview page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QLocale, QSize, Qt, QTimer
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from ...cards import (
    Card,
    Columns,
    EmptyState,
    Figure,
    FilterChips,
    Flow,
    HealthLine,
    LeadLayout,
    LineChart,
    PageBody,
    PageHeader,
    Series,
    Sign,
    Tone,
    divider,
    label,
    line,
    rows,
    tool_button,
)
from ...context import AppContext
from ...delivery_mark import held_back
from ...i18n import format_count, language, ntr, tr
from ...theme import Role, px, set_role
from ...words import age_text
from ..handling import mark_of
from ..page import Page
from ..wording import Plain, encryption_words, gateway_address, gateway_name
from .needs import Known, Mend, Need, Weight, needs
from .trends import DAY, HOUR, Compared, Point, Range, Sums, by_name, compared, round_points

if TYPE_CHECKING:
    from ....control.schema import EventMessage, Snapshot, SpoolFigures
    from ....model.report import GatewayReport, RelayReport, Total

MINUTE_MS = 60_000
SETTLE_MS = 400
"""What changes the configuration or the gateways' health comes in bursts; it is read anew once."""
MAX_GATEWAYS = 12
MAX_NEEDS = 3
_SIGNS = {Weight.BAD: ("bad", "bad"), Weight.WARNING: ("warning", "warning"), Weight.HINT: ("info", "accent")}
_ORDER = {"resting": 0, "probing": 1, "healthy": 2, "disabled": 3}


class OverviewPage(Page):
    key: ClassVar[str] = "overview"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        set_role(self, Role.PAGE)
        self._relay: RelayReport | None = None
        self._spool: SpoolFigures | None = None
        self._reports: Sequence[GatewayReport] = ()
        self._configuration: Plain | None = None
        self._secrets: Sequence[Any] = ()
        self._days = Sums()
        """Two days, for the figures and the chart of a day."""
        self._charted = Sums()
        self._range = Range.DAY
        self._oldest: float | None = None
        self._shown_needs: list[Need] | None = None
        self._shows_all_needs = False
        self._shown_gateways: object = None
        self._build()
        self._minute = QTimer(self)
        self._minute.setInterval(MINUTE_MS)
        self._minute.timeout.connect(self._load_again)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._load_again)
        context.messages.attention_changed.connect(self._show_needs)

    def _build(self) -> None:
        outer = rows(self, gap=0)
        body = PageBody()
        outer.addWidget(body)
        self.header = PageHeader(tr("Overview"))
        body.add(self.header)
        self.attention = Card(tr("Needs attention"))
        self._needs = rows(gap=10)
        self.attention.body.addLayout(self._needs)
        self.attention.hide()
        body.add(self.attention)
        figures = QWidget()
        columns = Columns(figures, narrow=130)
        self.delivered = Figure(tr("Delivered in 24 hours"))
        self.waiting = Figure(tr("Waiting in the spool"))
        self.deferred = Figure(tr("Deferred, tried again"))
        self.refused = Figure(tr("Refused in 24 hours"))
        for figure in (self.delivered, self.waiting, self.deferred, self.refused):
            columns.add(figure)
        self.delivered.setToolTip(tr("Compared with the 24 hours before"))
        self.refused.setToolTip(tr("Compared with the 24 hours before"))
        self.deferred.setToolTip(tr("New deferrals of the last hour, compared with the hour before"))
        self.waiting.setToolTip(tr("With what is deferred and held; how long the oldest message waits"))
        body.add(figures)
        body.add(self._build_throughput())
        self.gateways = Card(tr("Gateways"))
        self.gateways.add_to_header(_link(tr("All gateways"), lambda: self.context.navigate("gateways")))
        self._gateway_holder = QWidget()
        self._gateway_rows = rows(self._gateway_holder, gap=10)
        self.gateways.add(self._gateway_holder)
        body.add(self.gateways)

    def _build_throughput(self) -> Card:
        card = Card(tr("Throughput"), " ")
        self.throughput = card
        choices = ((Range.HOUR.value, tr("Hour")), (Range.DAY.value, tr("Day")), (Range.WEEK.value, tr("Week")))
        self.ranges = FilterChips(tr("Time shown"), choices)
        self.ranges.choose(self._range.value)
        self.ranges.chosen.connect(self._choose_range)
        card.add_to_header(self.ranges)
        self.chart = LineChart(tr("Throughput"))
        self.chart.setMinimumHeight(px(220))
        card.add(self.chart)
        legend = QWidget()
        flow = Flow(legend, gap=18)
        for colour, words in (("accent", tr("Delivered")), ("second_line", tr("Deferred, bounced or refused"))):
            flow.addWidget(_LegendLine(colour, words))
        card.add(legend)
        return card

    # --- life ---

    async def enter(self, **arguments: Any) -> None:
        snapshot = self.context.session.snapshot
        if snapshot is not None:
            self.on_snapshot(snapshot)
        self._minute.start()
        await self._load()

    async def leave(self) -> bool:
        self._minute.stop()
        self._settle.stop()
        return True

    def on_connected(self) -> None:
        self._load_again()

    def on_lost(self) -> None:
        self._show_sentence()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self._relay = snapshot.status.relay
        self._spool = snapshot.status.spool
        self._reports = snapshot.gateways
        self._count(snapshot.totals)
        self._show_all()

    def on_event(self, event: EventMessage) -> None:
        if event.kind == "figures":
            from ....control.schema import SpoolFigures
            from ....model.report import Total

            self._spool = SpoolFigures.model_validate(event.data["spool"])
            self._count([Total(one["name"], one["label"], one["value"]) for one in event.data["totals"]])
            self._show_figures()
            self._show_gateways()
            self._show_needs()
        elif not event.kind.startswith("message."):
            self._settle.start()

    def _load_again(self) -> None:
        if self.isVisible() and self.context.session.is_connected:
            self.spawn(self._load(), "load")

    async def _load(self) -> None:
        client = self.context.session.client
        status, reports, configuration, secrets = await asyncio.gather(
            client.status(), client.gateway_reports(), client.configuration(), client.secrets()
        )
        self._relay, self._spool, self._reports = status.relay, status.spool, reports
        self._configuration = configuration.value
        self._secrets = secrets
        await self._load_figures()
        self._show_all()

    async def _load_figures(self) -> None:
        from ....control.schema import Filter, ListRequest

        client = self.context.session.client
        chosen = self._range
        days = await client.history(2 * DAY, Range.DAY.step)
        charted = days if chosen is Range.DAY else await client.history(chosen.minutes, chosen.step)
        # Right behind the sums: what is counted between the two calls is missing until the next minute.
        counted = by_name(await client.totals())
        self._days = Sums.read(days, Range.DAY.step, counted)
        self._charted = Sums.read(charted, chosen.step, counted)
        # What is held waits for a person, not for the relay: its age says nothing about delivery.
        requests = (ListRequest(filter=Filter(state=state), order="age", limit=1) for state in ("waiting", "deferred"))
        oldest = [row.received_at for rows in await asyncio.gather(*map(client.spool_list, requests)) for row in rows]
        self._oldest = min(oldest, default=None)

    def _count(self, totals: Sequence[Total]) -> None:
        newest = by_name(totals)
        self._days.count(newest)
        self._charted.count(newest)

    def _choose_range(self, key: str) -> None:
        self._range = Range(key)
        self.spawn(self._load_range(), "chart")

    async def _load_range(self) -> None:
        await self._load_figures()
        self._show_figures()

    # --- what is shown ---

    def _show_all(self) -> None:
        self._show_sentence()
        self._show_needs()
        self._show_figures()
        self._show_gateways()

    def _show_sentence(self) -> None:
        self.header.set_subtitle(
            sentence(self._relay) if self.context.session.is_connected else tr("The relay does not answer.")
        )

    def _show_figures(self) -> None:
        now = time.time()
        delivered, refused = compared(self._days, "delivered", DAY, now), compared(self._days, "refused", DAY, now)
        self.delivered.set(format_count(delivered.now), trend(delivered))
        self.refused.set(format_count(refused.now), trend(refused))
        if self._spool is not None:
            waiting = self._spool.total - self._spool.quarantined
            note = tr("oldest {age}", age=age_text(self._oldest)) if self._oldest and waiting else ""
            long = self._oldest is not None and now - self._oldest > HOUR * 60
            self.waiting.set(format_count(waiting), note, Tone.WARNING if long else Tone.GOOD)
            fresh = compared(self._days, "deferred", HOUR, now)
            words = ntr("{n} new", "{n} new", fresh.now)
            note = " ".join(part for part in (arrow(fresh), words) if part) if fresh.now else ""
            self.deferred.set(format_count(self._spool.deferred), note, Tone.WARNING)
        self._show_chart(now)

    def _show_chart(self, now: float) -> None:
        subtitle = {
            Range.HOUR: tr("Messages per minute, last hour"),
            Range.DAY: tr("Messages per minute, last 24 hours"),
            Range.WEEK: tr("Messages per minute, last 7 days"),
        }[self._range]
        self.throughput.set_subtitle(subtitle)
        if self._charted.step != self._range.step:
            return  # its sums are on their way
        points = self._charted.points(self._range.minutes, now)
        labels = [point_label(point, self._range) for point in points[:-1]] + [tr("now")]
        self.chart.set_data(
            labels if points else (),
            (
                Series(tr("Delivered"), [point.delivered for point in points]),
                Series(tr("Deferred, bounced or refused"), [point.trouble for point in points], "second_line"),
            ),
            nothing=tr("No mail in this time"),
            ticks=[round_points(points, between) for between in self._range.round_times],
        )

    def _show_needs(self) -> None:
        if self._relay is None or self._spool is None or self._configuration is None:
            return
        noted = self.context.messages.attention_list
        known = Known(self._relay, self._spool, self._configuration, self._secrets, noted)
        found = needs(known)
        if found == self._shown_needs:
            return
        self._shown_needs = found
        self._fill_needs(found if self._shows_all_needs else found[:MAX_NEEDS])
        if len(found) > MAX_NEEDS:
            more = ntr("Show {n} more", "Show {n} more", len(found) - MAX_NEEDS)
            self._needs.addWidget(_link(tr("Show fewer") if self._shows_all_needs else more, self._toggle_needs))
        self.attention.setVisible(bool(found))

    def _fill_needs(self, found: Sequence[Need]) -> None:
        _clear(self._needs)
        for number, need in enumerate(found):
            if number:
                self._needs.addWidget(divider())
            self._needs.addWidget(_NeedRow(need, self._mend))

    def _toggle_needs(self) -> None:
        self._shows_all_needs = not self._shows_all_needs
        self._shown_needs = None
        self._show_needs()

    def _mend(self, need: Need) -> None:
        if need.mend is Mend.SHOW:
            self.context.navigate(need.page, **dict(need.arguments))
        else:
            self.spawn(self._do(need.mend), need.mend.value)

    async def _do(self, mend: Mend) -> None:
        client = self.context.session.client
        if mend is Mend.START:
            await client.start()
        elif mend is Mend.RESUME:
            await client.resume()
        await self._load()

    def _show_gateways(self) -> None:
        gateways = self._configuration["gateways"] if self._configuration is not None else []
        lanes = self._spool.lanes if self._spool is not None else {}
        reports = {report.id: report for report in self._reports}
        found = []
        for gateway in gateways:
            report = reports.get(gateway["id"])
            if report is not None:
                waiting = lanes.get(f"gateway:{report.id}", 0) + lanes.get(f"inbound:{report.id}", 0)
                found.append((gateway["id"], gateway_name(gateway), _where(gateway, waiting), *_health(gateway, report)))
        found.sort(key=lambda one: _ORDER.get(reports[one[0]].health, 0))
        if found == self._shown_gateways:
            return
        self._shown_gateways = found
        _clear(self._gateway_rows)
        for number, (identifier, name, where, word, tone) in enumerate(found[:MAX_GATEWAYS]):
            if number:
                self._gateway_rows.addWidget(divider())
            self._gateway_rows.addWidget(self._gateway_row(identifier, name, where, word, tone))
        if len(found) > MAX_GATEWAYS:
            more = len(found) - MAX_GATEWAYS
            self._gateway_rows.addWidget(label(ntr("{n} more", "{n} more", more), Role.MUTED))
        if not found:
            empty = EmptyState("gateways", tr("No gateway yet"), tr("A gateway says where mail goes next."))
            empty.add_action(tr("Add a gateway"), lambda: self.context.navigate("gateways", new="round-robin"))
            self._gateway_rows.addWidget(empty)

    def _gateway_row(self, identifier: str, name: str, where: str, word: str, tone: Tone) -> QWidget:
        row = QWidget()
        layout = line(row)
        layout.addWidget(HealthLine(name, where, word, tone), 1)
        button = tool_button(
            "chevron-right", tr("Open {name}", name=name), lambda: self.context.navigate("gateways", gateway=identifier)
        )
        layout.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return row


class _NeedRow(QWidget):
    """What is wrong, and the button that mends it."""

    def __init__(self, need: Need, mend: Callable[[Need], None]) -> None:
        super().__init__()
        layout = LeadLayout(self)
        said = QWidget()
        beside = line(said, gap=12)
        sign, tone = _SIGNS[need.weight]
        beside.addWidget(Sign(sign, tone, 20), 0, Qt.AlignmentFlag.AlignTop)
        words = rows(gap=2)
        words.addWidget(label(need.title, Role.STRONG, wrap=True))
        if need.detail:
            words.addWidget(label(need.detail, Role.MUTED, wrap=True, selectable=True))
        beside.addLayout(words, 1)
        layout.addWidget(said)
        button = QPushButton(need.button)
        button.setAccessibleDescription(need.title)
        button.clicked.connect(lambda: mend(need))
        layout.addWidget(button)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)


class _LegendLine(QWidget):
    """A stroke of a series' colour and its name."""

    def __init__(self, colour: str, words: str) -> None:
        super().__init__()
        self._words = words
        layout = line(self)
        layout.addWidget(_Stroke(colour))
        layout.addWidget(label(words, Role.MUTED, wrap=True), 1)

    def sizeHint(self) -> QSize:
        # A label that wraps names no width of its own.
        return QSize(px(18) + px(8) + self.fontMetrics().horizontalAdvance(self._words) + 2, self.fontMetrics().height())


class _Stroke(QWidget):
    def __init__(self, colour: str) -> None:
        super().__init__()
        self._colour = colour
        self.setFixedSize(px(18), px(8))

    def paintEvent(self, event: object) -> None:
        from PySide6.QtGui import QColor, QPainter, QPen

        from ...theme import tokens

        painter = QPainter(self)
        painter.setPen(QPen(QColor(getattr(tokens(), self._colour)), px(2)))
        painter.drawLine(0, self.height() // 2, self.width(), self.height() // 2)


# --- words ---


def sentence(relay: RelayReport | None) -> str:
    """The state of the relay."""
    if relay is None:
        return ""
    if relay.mail.value == "starting":
        return tr("The relay is being started.")
    if relay.mail.value == "stopping":
        return tr("The relay is being stopped; deliveries under way are finished.")
    if relay.mail.value == "stopped":
        return tr("The relay is stopped: no mail is taken, none is delivered.")
    listening = sum(listener.state.value == "listening" for listener in relay.listeners)
    if relay.delivery_paused:
        return ntr(
            "{host} takes mail on {n} listener; delivery is paused.",
            "{host} takes mail on {n} listeners; delivery is paused.",
            listening,
            host=relay.host_name,
        )
    if held_back(relay):
        return ntr(
            "{host} takes mail on {n} listener and does not deliver all of it.",
            "{host} takes mail on {n} listeners and does not deliver all of it.",
            listening,
            host=relay.host_name,
        )
    return ntr(
        "{host} takes mail on {n} listener and delivers it.",
        "{host} takes mail on {n} listeners and delivers it.",
        listening,
        host=relay.host_name,
    )


def arrow(found: Compared) -> str:
    if found.now == found.before:
        return ""
    return "↑" if found.now > found.before else "↓"


def trend(found: Compared) -> str:
    """“↑ 12 %”; empty where there is nothing to compare with."""
    percent = found.percent
    if percent is None:
        return ""
    if percent == 0:
        return tr("as before")
    return f"{arrow(found)} {format_count(abs(percent))} %"


def point_label(point: Point, shown: Range) -> str:
    moment = datetime.fromtimestamp(point.minute * 60)
    if shown is Range.WEEK:
        day = QLocale(language()).dayName(moment.isoweekday(), QLocale.FormatType.ShortFormat)
        return f"{day} {moment:%H:%M}"
    return f"{moment:%H:%M}"


def _health(gateway: Plain, report: GatewayReport) -> tuple[str, Tone]:
    if report.health == "healthy" and (marked := mark_of(gateway)) is not None:
        return marked
    words = {
        "healthy": (tr("Healthy"), Tone.GOOD),
        "resting": (tr("Resting"), Tone.BAD),
        "probing": (tr("Being tried"), Tone.WARNING),
        "disabled": (tr("Disabled"), Tone.NEUTRAL),
    }
    return words.get(report.health, (report.health, Tone.NEUTRAL))


def _where(gateway: Plain, waiting: int) -> str:
    encrypted = gateway["encryption"] != "none"
    parts = [encryption_words(gateway["encryption"]) if encrypted else tr("not encrypted")]
    if gateway["description"]:  # else the address is its name
        parts.insert(0, gateway_address(gateway))
    if waiting:
        parts.append(ntr("{n} message waits", "{n} messages wait", waiting))
    return " · ".join(parts)


def _link(text: str, act: Callable[[], object]) -> QPushButton:
    made = QPushButton(text)
    set_role(made, Role.LINK)
    made.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    made.clicked.connect(lambda: act())
    return made


def _clear(layout: Any) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
