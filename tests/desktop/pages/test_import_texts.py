"""The relay's sentences about another server's files: every one of the samples' is known, and German leaves none in English."""

from __future__ import annotations

import json

import pytest

from gatepost.desktop.i18n import set_language
from gatepost.desktop.pages.settings.import_texts import is_known, said
from gatepost.importing.kinds import ImportKind, propose
from gatepost.importing.proposal import FindingKind, SourceFile
from tests.unit.importing.support import postfix_sample, sample

ODD = """\
relayhost = provider.example
mynetworks = 0.0.0.0/0, !10.0.0.1
mynetworks_style = subnet
message_size_limit = 0
smtp_tls_security_level = dane
smtp_sasl_password_maps = pcre:/etc/postfix/x
transport_maps = static:smtp:[a.example]
smtpd_tls_security_level = may
inet_interfaces = mail.example.org
relay_domains = behind.example
virtual_alias_maps = hash:/x
smtpd_sasl_type = dovecot
always_bcc = a@example.org
smtp_tls_loglevel = 1
no such line
"""
SMARTERMAIL = json.dumps(
    {"data": [{"name": "a.example", "isEnabled": True}, {"name": "b.example", "isEnabled": False}], "gateways": []}
)
FILES = {
    "postfix": (ImportKind.POSTFIX, postfix_sample()),
    "a part of it": (ImportKind.POSTFIX, postfix_sample("sasl_passwd", "master.cf")),
    "odd": (ImportKind.POSTFIX, [SourceFile("main.cf", ODD), SourceFile("unused", "x")]),
    "hmailserver": (ImportKind.HMAILSERVER, sample("hMailServerBackup.xml")),
    "iis": (ImportKind.IIS, sample("MetaBase.xml")),
    "smartermail": (ImportKind.SMARTERMAIL, [SourceFile("a.json", SMARTERMAIL)]),
}


def sentences(kind: ImportKind, files: list[SourceFile]) -> list[str]:
    proposal = propose(kind, files)
    return [
        *(part.title for part in proposal.parts),
        *(finding.text for finding in proposal.findings if finding.kind is not FindingKind.UNDERSTOOD),
    ]


@pytest.mark.parametrize("name", FILES)
def test_every_sentence_is_known_unchanged_in_english_and_german_in_german(name: str) -> None:
    found = sentences(*FILES[name])
    assert found
    assert [text for text in found if not is_known(text)] == []
    as_it_came = [text for text in found if not text.startswith("Listens on ")]
    assert [said(text) for text in as_it_came] == as_it_came
    set_language("de")
    assert [text for text in found if said(text) == text] == []


def test_what_is_not_known_is_shown_as_it_came() -> None:
    set_language("de")
    assert said("Something new: {that} is odd.") == "Something new: {that} is odd."


def test_a_listener_is_told_in_the_words_of_the_settings() -> None:
    assert said("Listens on 0.0.0.0 port 25 (mx, TLS: starttls)") == (
        "Listens on 0.0.0.0 port 25 (Everybody (MX), TLS: STARTTLS offered)"
    )
