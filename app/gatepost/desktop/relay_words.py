"""The relay's state in words: what the foot of the sidebar says and offers, as a function of what is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .i18n import tr
from .relay_texts import said
from .session import SessionState
from .supervisor import Phase, Status

if TYPE_CHECKING:
    from ..control.place import Place
    from ..model.report import RelayReport


class Tone(StrEnum):
    GOOD = "good"
    BUSY = "info"
    CAREFUL = "warning"
    BAD = "bad"
    NEUTRAL = "neutral"


class Offer(StrEnum):
    """What the button in the foot does."""

    START_MAIL = "start-mail"
    STOP_MAIL = "stop-mail"
    RESUME = "resume"
    START_RELAY = "start-relay"
    START_SERVICE = "start-service"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Words:
    state: str
    tone: Tone
    offer: Offer = Offer.NOTHING
    detail: str = ""


def where(elsewhere: Place | None) -> str:
    """Which relay the window administers; None: that of its data folder."""
    return name_of(elsewhere) if elsewhere is not None else tr("This computer")


def name_of(place: Place) -> str:
    from ..control.place import Remote

    return place.name if isinstance(place, Remote) else tr("Installed service")


def at(place: Place, data_folder: str, status: Status) -> str:
    """Where that is, and whose, for a tool tip."""
    from ..control.place import Local, Remote

    if isinstance(place, Remote):
        return tr("On another machine: {address}", address=place.address)
    if not isinstance(place, Local):
        return tr("A service of this computer")
    words = tr("Data folder: {folder}", folder=data_folder)
    if status.phase is Phase.RUNNING and not status.is_ours:
        words += "\n" + tr("It ran already: it goes on when this window is closed.")
    return words


def words_for(status: Status, session: SessionState, relay: RelayReport | None) -> Words:
    """``relay`` is the newest report, which may be of a relay that is gone."""
    match status.phase:
        case Phase.LOOKING:
            return Words(tr("Looking for the relay…"), Tone.BUSY)
        case Phase.STARTING:
            return Words(tr("Starting…"), Tone.BUSY)
        case Phase.STOPPING:
            return Words(tr("Stopping…"), Tone.BUSY)
        case Phase.ENDED:
            return Words(tr("Not running"), Tone.NEUTRAL, Offer.START_RELAY)
        case Phase.CRASHED:
            return Words(tr("Ended unexpectedly"), Tone.BAD, Offer.START_RELAY)
        case Phase.OTHER_VERSION:
            return Words(tr("Another version"), Tone.CAREFUL)
        case Phase.UNREACHABLE:
            return _away(status)
        case Phase.RUNNING:
            return _running(session, relay)


def _away(status: Status) -> Words:
    match status.problem.code if status.problem is not None else "":
        case "not-allowed":
            return Words(tr("No access"), Tone.BAD)
        case "other-certificate" | "certificate-expired":
            return Words(tr("Its certificate is refused"), Tone.BAD)
        case "service-not-running":
            return Words(tr("Not running"), Tone.NEUTRAL, Offer.START_SERVICE)
        case _:
            return Words(tr("Cannot be reached"), Tone.CAREFUL)


def _running(session: SessionState, relay: RelayReport | None) -> Words:
    if session is not SessionState.CONNECTED or relay is None:
        return Words(tr("Does not answer"), Tone.CAREFUL)
    match relay.mail.value:
        case "running" if relay.delivery_paused:
            return Words(tr("Delivery is paused"), Tone.CAREFUL, Offer.RESUME)
        case "running":
            failed = [listener for listener in relay.listeners if listener.state.value == "failed"]
            if failed:
                return Words(tr("Running, a listener failed"), Tone.CAREFUL, Offer.STOP_MAIL, said(failed[0].problem))
            return Words(tr("Running"), Tone.GOOD, Offer.STOP_MAIL)
        case "starting":
            return Words(tr("Mail is being started…"), Tone.BUSY)
        case "stopping":
            return Words(tr("Mail is being stopped…"), Tone.BUSY)
        case _:
            return Words(tr("Stopped, no mail moves"), Tone.NEUTRAL, Offer.START_MAIL)


def label_of(offer: Offer) -> str:
    match offer:
        case Offer.START_MAIL:
            return tr("Start")
        case Offer.STOP_MAIL:
            return tr("Stop")
        case Offer.RESUME:
            return tr("Resume")
        case Offer.START_RELAY:
            return tr("Start")
        case Offer.START_SERVICE:
            return tr("Start the service…")
        case Offer.NOTHING:
            return ""
