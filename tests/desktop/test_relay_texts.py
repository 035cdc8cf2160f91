"""The relay's sentences about routes: unchanged in English, whole in German, as they are where they are not known."""

from __future__ import annotations

import time

import pytest

from gatepost.desktop.i18n import set_language
from gatepost.desktop.relay_texts import is_known, said

from ..support.relay_process import ROOT
from ..support.sentences import filled, sentences

SENTENCES = (
    "The row for senders at news.example.com decides: the gateway “Newsletter provider”.",
    "Not the default in Settings → Delivery: the row for senders at news.example.com comes before it.",
    "“Main relay” takes the next message.",
    "192.168.10.4 may send this, because its address is in a trusted network.",
    "Goes to 127.0.0.1:9 (Main relay), STARTTLS required; certificate verified against the system's trust.",
    "Is captured in the test inbox instead of going to 127.0.0.1:9 (Main relay): nothing is delivered.",
    "Goes to 127.0.0.1:9 (Main relay), not encrypted, and there to qa@example.org instead of to its recipient.",
    "Waits: no round-robin gateway is set up.",
    "127.0.0.1:9 (Main relay) · STARTTLS when offered, else in the clear; certificate not verified",
    "direct delivery to the mail hosts of example.org",
    "The certificate for mx.example.org expires in 5 days.",
    "The certificate that Main relay is accepted by has expired.",
    "1,200 deliveries wait in the spool.",
    "message 20 on the connection to 127.0.0.1 port 2525, TLSv1.3 TLS_AES_256_GCM_SHA384",
    "It would leave by Main relay, which does not deliver.",
    "The stored sign-in is for smtp.example.com.",
    "Longer than the 12 hours that are allowed for in Settings → Alarms.",
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_english_stays_what_the_relay_said_and_german_leaves_none_of_it(sentence: str) -> None:
    assert said(sentence) == sentence
    set_language("de")
    german = said(sentence)
    assert not {"the", "gateway", "is", "not", "by", "decides", "because", "certificate", "connection"} & set(german.split())
    assert german != sentence


def test_names_are_never_translated_and_unknown_texts_stay() -> None:
    set_language("de")
    assert said("“not encrypted” takes the next message.") == "„not encrypted“ nimmt die nächste Nachricht."
    assert said("Something new happens.") == "Something new happens."


def test_why_mail_waits_is_said_with_every_reason_and_others_words_in_it() -> None:
    refused = "Nothing answers at 192.0.2.1 on port 25: the connection was refused."
    text = f"192.0.2.1:25 rests for 40 s more after: {refused}; Provider is being tried again after: 421 a; b; and 2 more"
    assert said(text) == text
    set_language("de")
    assert said(text) == (
        "192.0.2.1:25 ruht noch 40 s nach: An 192.0.2.1 auf Port 25 antwortet nichts: Die Verbindung wurde abgelehnt.; "
        "Provider wird wieder versucht nach: 421 a; b; und 2 weitere"
    )


def test_what_another_server_said_stays_as_it_is() -> None:
    set_language("de")
    assert said("550 5.7.1 The server refused us") == "550 5.7.1 The server refused us"
    assert said("The server refused us (at our EHLO). It said “554 5.7.1 No, the door is shut.”.").endswith(
        "(bei unserem EHLO). Er sagte „554 5.7.1 No, the door is shut.“."
    )


PACKAGES = ("control", "model", "relay", "relays", "store", "vault")
OTHER_READERS = (
    "control/loopback.py",  # the page in the browser
    "control/server/call.py",  # whoever programs against the API
    "control/server/errors.py",
    "control/server/guard.py",
    "control/server/handlers/captured.py",
    "control/server/metrics.py",
    "control/server/openapi.py",
    "control/server/remote_door.py",
    "control/server/routes.py",
    "control/server/group.py",  # whoever starts the relay from a command line
    "relay/instance.py",
    "relay/usage.py",
    "relay/alarms/notice.py",  # whoever gets the mail
    "relay/delivery/dsn_text.py",
    "relay/test_message.py",
)
"""Sources whose sentences are not shown in the window."""


def _sources() -> list[str]:
    app = ROOT / "app/gatepost"
    found = (path.relative_to(app).as_posix() for package in PACKAGES for path in sorted((app / package).rglob("*.py")))
    return [path for path in found if path not in OTHER_READERS]


def test_every_sentence_of_the_relay_that_a_window_can_show_has_words_in_german() -> None:
    found = {
        (path, line, text): any(is_known(example) for example in filled(text))
        for path in _sources()
        for line, text in sentences(ROOT / "app/gatepost" / path)
    }
    assert len(found) > 600
    assert [f"{path}:{line}: {text}" for (path, line, text), known in found.items() if not known] == []


def test_sources_of_other_readers_are_there() -> None:
    assert [path for path in OTHER_READERS if not (ROOT / "app/gatepost" / path).is_file()] == []


def test_moments_days_and_numbers_are_those_of_the_language() -> None:
    set_language("de")
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    assert said(f"Waits until {stamp} or longer: routing failed.") == (
        f"Wartet bis {time.strftime('%H:%M', time.localtime(now))} oder länger: die Route ließ sich nicht bestimmen."
    )
    assert said("“Main” rests for 633 s more after: 421 busy.") == "„Main“ ruht noch 10 Min. nach: 421 busy."
    assert said("1,200 deliveries wait in the spool.") == "1.200 Zustellungen warten im Spool."
    assert said("The client secret of Main ends on 2031-03-04.") == "Das Client-Geheimnis von Main läuft am 4. März 2031 ab."


def test_every_template_gives_back_the_english_it_was_made_from() -> None:
    """What is shown in English is what the relay said: no template takes more, or less, than stands there."""
    for path in _sources():
        for _line, text in sentences(ROOT / "app/gatepost" / path):
            example = text.replace("{}", "A name")
            if is_known(example):
                assert said(example) == example
