"""The foot of the sidebar and the notice above a page are functions of what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QPlainTextEdit

from gatepost.desktop.i18n import LANGUAGES, set_language
from gatepost.desktop.relay_notice import RelayNotice
from gatepost.desktop.relay_words import Offer, Tone, label_of, words_for
from gatepost.desktop.session import SessionState
from gatepost.desktop.supervisor import Phase, Status
from gatepost.model.errors import GatepostError
from gatepost.model.report import API_VERSION, ListenerHealth, ListenerReport, MailPlane, RelayReport, VaultReport

RELAY = RelayReport(
    mail=MailPlane.RUNNING, delivery_paused=False, version="1", api_version=API_VERSION, pid=1, started_at=0.0,
    data_folder="/d", host_name="h", revision=1, listeners=(), vault=VaultReport("sealed", "test", True),
)  # fmt: skip
CONNECTED = SessionState.CONNECTED
RUNNING = Status(Phase.RUNNING, is_ours=True)


@pytest.mark.parametrize(
    ("relay", "tone", "offer"),
    [
        (RELAY, Tone.GOOD, Offer.STOP_MAIL),
        (replace(RELAY, delivery_paused=True), Tone.CAREFUL, Offer.RESUME),
        (replace(RELAY, mail=MailPlane.STOPPED), Tone.NEUTRAL, Offer.START_MAIL),
        (replace(RELAY, mail=MailPlane.STOPPING), Tone.BUSY, Offer.NOTHING),
        (replace(RELAY, mail=MailPlane.STARTING), Tone.BUSY, Offer.NOTHING),
        (
            replace(RELAY, listeners=(ListenerReport("l", "127.0.0.1", 25, ListenerHealth.FAILED, "in use"),)),
            Tone.CAREFUL,
            Offer.STOP_MAIL,
        ),
        (None, Tone.CAREFUL, Offer.NOTHING),
    ],
)
def test_a_running_relay_offers_what_fits_its_mail(relay: RelayReport | None, tone: Tone, offer: Offer) -> None:
    words = words_for(RUNNING, CONNECTED, relay)
    assert (words.tone, words.offer) == (tone, offer)


def test_a_lost_relay_is_never_said_to_run() -> None:
    words = words_for(RUNNING, SessionState.LOST, RELAY)
    assert words.state == "Does not answer"
    assert words.offer is Offer.NOTHING


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_words_in_every_language(phase: Phase, language: str) -> None:
    set_language(language)
    words = words_for(Status(phase), CONNECTED, RELAY)
    assert words.state
    assert bool(label_of(words.offer)) == (words.offer is not Offer.NOTHING)


async def test_a_crash_is_shown_with_its_last_lines_and_a_way_to_start_again() -> None:
    asked: list[str] = []
    notice = RelayNotice(lambda: asked.append("again"), "relay-notice")
    problem = GatepostError("It failed.", "<i>why</i>", "Look here.")
    notice.show_state(Status(Phase.CRASHED, problem=problem, last_lines=("one", "two")), SessionState.LOST)
    notice.show()
    assert notice.text == "It failed. <i>why</i> Look here."
    assert notice.findChild(QPlainTextEdit) is None
    notice._details.click()
    lines = notice.findChild(QPlainTextEdit)
    assert lines is not None
    assert lines.isVisible()
    assert lines.toPlainText() == "one\ntwo"
    notice._details.click()
    assert not lines.isVisible()
    notice._again.click()
    assert asked == ["again"]


async def test_nothing_is_said_while_all_is_well() -> None:
    notice = RelayNotice(lambda: None, "relay-notice")
    notice.show_state(RUNNING, CONNECTED)
    assert not notice.is_needed
    notice.show_state(RUNNING, SessionState.LOST)
    assert notice.is_needed
    assert notice.text == "The relay does not answer; trying again… What you typed is kept."
