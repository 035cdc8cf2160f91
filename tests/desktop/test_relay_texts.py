"""The relay's sentences about routes: unchanged in English, whole in German, as they are where they are not known."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from gatepost.desktop.i18n import set_language
from gatepost.desktop.relay_texts import said

from ..support.relay_process import ROOT

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
    "It would leave by Main relay, which does not deliver.",
    "The stored sign-in is for smtp.example.com.",
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


def _failures() -> Iterator[str]:
    """The titles of failures that the relay's sources hold, with something in place of what they name."""
    for path in sorted((ROOT / "app/gatepost/relay/delivery").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "HopFailure" and len(node.args) > 2:
                yield from _texts(node.args[2])
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("_fail", "_made_failure"):
                for argument in node.args[1:]:
                    yield from _texts(argument)
            elif isinstance(node, ast.Assign) and any("title" in ast.unparse(target) for target in node.targets):
                value = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
                yield from _texts(value)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(next(_texts(part.value), "example.com") if isinstance(part, ast.FormattedValue) else part.value
                      for part in node.values)  # type: ignore[attr-defined]  # fmt: skip
    elif named := {"where": "192.0.2.1 on port 25", "_WORDS[stage]": "signing in"}.get(ast.unparse(node)):
        yield named


def test_every_failure_of_a_next_hop_that_the_relay_names_is_said_in_german() -> None:
    texts = {text for text in _failures() if " " in text}
    assert len(texts) > 35
    assert {text for text in texts if said(text) != text} == set()
    set_language("de")
    assert {text for text in texts if said(text) == text} == set()
