"""The relay's sentences about routes: unchanged in English, whole in German, as they are where they are not known."""

from __future__ import annotations

import pytest

from gatepost.desktop.i18n import set_language
from gatepost.desktop.relay_texts import said

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
    "Longer than the 12 hours that are allowed for in Settings → Alarms.",
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_english_stays_what_the_relay_said_and_german_leaves_none_of_it(sentence: str) -> None:
    assert said(sentence) == sentence
    set_language("de")
    german = said(sentence)
    assert not {"the", "gateway", "is", "not", "by", "decides", "because", "certificate"} & set(german.split())
    assert german != sentence


def test_names_are_never_translated_and_unknown_texts_stay() -> None:
    set_language("de")
    assert said("“not encrypted” takes the next message.") == "„not encrypted“ nimmt die nächste Nachricht."
    assert said("Something new happens.") == "Something new happens."
