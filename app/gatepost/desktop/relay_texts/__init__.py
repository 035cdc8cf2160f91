"""What the relay says, in the person's language.

It speaks English and gives no codes with its sentences, which are also those of its log and of the command line. What is not
known here is shown as it came; a test goes through the sentences of the relay's sources. Names, addresses and what other
servers said are never touched.
"""

from __future__ import annotations

import calendar
import re
import time
from datetime import datetime
from functools import cache, lru_cache

from ..i18n import format_count, language, tr
from ..words import day_text, moment_text, span_text
from .sentences import Templates

_WORD = r"\S+"
_COUNT = r"[\d,]+"
_PART = r"(?:(?!; |\. ).)+?"
_TLS = r"not encrypted|STARTTLS .+|TLS .+|TLSv[\d.]+ \S+"
_KINDS = {
    "n": _COUNT,
    "most": _COUNT,
    "port": r"\d+",
    "host": _WORD,
    "domain": _WORD,
    "address": _WORD,
    "client": _WORD,
    "source": _WORD,
    "fingerprint": _WORD,
    "seen": _WORD,
    "accepted": _WORD,
    "recipient": r"[^\s>]+",
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)? UTC",
    "day": r"\d{4}-\d\d-\d\d",
    "span": r"\d+ s",
    "name": _PART,
    "label": _PART,
    "part": _PART,
    "way": _PART,
    "rule": _PART,
    "where": _PART,
    "how": r"(?:STARTTLS|TLS) [^;]+",
    "tls": _TLS,
    "cause": r".+ comes before it|its gateway .+|.+?",
    "stage": r"[^()]+?",
}
_SPOKEN = frozenset({"part", "reason", "how", "check", "tls", "cause", "what", "way", "why", "rest", "rule", "stage", "detail"})
"""Placeholders whose texts are the relay's themselves; the others are names, addresses and others' words."""
_QUOTED = re.compile(r"[245]\d\d[ -]")
"""How the reply of another server begins: its words are its own."""
_LONGEST = 2000


def said(text: str) -> str:
    """A text of the relay: a title, a hint, a reason, a note."""
    if _QUOTED.match(text) or len(text) > _LONGEST:
        return text
    return _translated(text) if " UTC" in text else _remembered(text, language())  # “14:05” is that only today


def told(*texts: str) -> str:
    """Some of them behind each other, without those that are empty."""
    return " ".join(said(text) for text in texts if text)


def is_known(text: str) -> bool:
    """Whether there is a sentence for it: tests look for what is not."""
    return bool(_known(text) or _joined(text)) or _all_known(text)


@lru_cache(maxsize=1000)
def _remembered(text: str, _language: str) -> str:
    return _translated(text)


def _translated(text: str) -> str:
    return _known(text) or _joined(text) or _sentences(text)


@cache
def _templates() -> Templates:
    from . import failures, keeping, relay, routes, signing_in

    parts = (routes, failures, signing_in, relay, keeping)
    return Templates((text for part in parts for text in part.TEXTS), _KINDS)


def _known(text: str) -> str:
    """A whole text that is known; "" for others."""
    for template, found in _templates().whole(text):
        return _filled(template.text, found)
    return ""


def _joined(text: str) -> str:
    """Reasons behind each other, with semicolons, which a reason may hold, too; "" where the first one is not known."""
    if "; " not in text:
        return ""
    reasons: list[str] = []
    for part in text.split("; "):
        if reasons and not _known(part):
            reasons[-1] = f"{reasons[-1]}; {part}"
        else:
            reasons.append(part)
    if not _known(reasons[0]):
        return ""
    return "; ".join(_known(reason) or reason for reason in reasons)


def _sentences(text: str) -> str:
    """What happened, and what was seen: as many sentences as are known, the rest as it came."""
    made, rest = [], text
    while rest:
        if (first := _templates().first(rest)) is None:
            made.append(rest)
            break
        template, found = first
        made.append(_filled(template.text, found))
        rest = rest[found.end() :]
    return " ".join(made)


def _all_known(text: str) -> bool:
    rest = text
    while rest:
        if (first := _templates().first(rest)) is None:
            return False
        rest = rest[first[1].end() :]
    return True


def _filled(words: str, found: re.Match[str]) -> str:
    return tr(words, **{name: _part(name, part) for name, part in found.groupdict("").items()})


def _part(name: str, part: str) -> str:
    if name == "rule":  # a sentence begins with it
        rule = said(part[:1].lower() + part[1:])
        return rule[:1].upper() + rule[1:]
    if name in _SPOKEN:
        return said(part)
    if name in ("n", "most"):
        return part if language() == "en" else format_count(int(part.replace(",", "")))
    if name == "time":
        form = "%Y-%m-%d %H:%M:%S UTC" if part.count(":") > 1 else "%Y-%m-%d %H:%M UTC"
        return moment_text(calendar.timegm(time.strptime(part, form)), seconds=part.count(":") > 1)
    if name == "day":
        return day_text(datetime.fromisoformat(part))
    return span_text(float(part.removesuffix(" s"))) if name == "span" else part
