"""What the overview says in words: the relay's state, trends, and how gateways do. Functions of what the relay reports."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale

from ...cards import Tone
from ...delivery_mark import held_back
from ...i18n import format_count, language, ntr, tr
from ..handling import mark_of
from ..wording import Plain, encryption_words, gateway_address
from .trends import Compared, Point, Range

if TYPE_CHECKING:
    from ....model.report import GatewayReport, RelayReport


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


def health(gateway: Plain, report: GatewayReport) -> tuple[str, Tone]:
    """How a gateway does, and how that is meant."""
    if report.health == "healthy" and (marked := mark_of(gateway)) is not None:
        return marked
    words = {
        "healthy": (tr("Healthy"), Tone.GOOD),
        "resting": (tr("Resting"), Tone.BAD),
        "probing": (tr("Being tried"), Tone.WARNING),
        "disabled": (tr("Disabled"), Tone.NEUTRAL),
    }
    return words.get(report.health, (report.health, Tone.NEUTRAL))


def where(gateway: Plain, waiting: int) -> str:
    """Where a gateway leads, how, and what waits for it."""
    encrypted = gateway["encryption"] != "none"
    parts = [encryption_words(gateway["encryption"]) if encrypted else tr("not encrypted")]
    if gateway["description"]:  # else the address is its name
        parts.insert(0, gateway_address(gateway))
    if waiting:
        parts.append(ntr("{n} message waits", "{n} messages wait", waiting))
    return " · ".join(parts)
