"""What the model and the relay say of a wrong field, in the person's language."""

from __future__ import annotations

import re
from functools import cache

from ...model.errors import Issue
from ..i18n import mark, tr
from ..relay_texts.sentences import Templates

_SENTENCES = frozenset(
    (
        mark("this is needed"),
        mark("write a whole number"),
        mark("write a number"),
        mark("a username is needed when authentication is enabled"),
        mark("a fingerprint is needed to accept only this certificate"),
        mark("a SHA-256 fingerprint has 64 hexadecimal digits"),
        mark("list at least one domain, or choose another domain verification"),
        mark("verifying domains by web service needs the SmarterMail gateway card"),
        mark("the SmarterMail URL is needed"),
        mark("the SmarterMail administrator's username is needed"),
        mark("write the address of the webmail, such as https://mail.example.com"),
        mark("put the login into its own fields, not into the URL"),
        mark("leave out everything from “?” or “#” on"),
        mark("http would send the administrator's password unencrypted: use https, or allow it explicitly"),
        mark("the application's client ID is needed"),
        mark("write the directory's id or one of its domains"),
        mark("an application signs in to one directory: write its tenant id or one of its domains"),
        mark("the provider's token URL is needed"),
        mark("the provider's sign-in URL is needed"),
        mark("write a whole URL, such as https://login.example.com/token"),
        mark("it must begin with https://: secrets are sent there"),
        mark("write permissions in printable ASCII, one space between them"),
        mark("write the date as year-month-day, such as 2027-11-28"),
        mark("the address list is empty"),
        mark("the thresholds must rise from Low to Medium to High"),
        mark("control characters and line breaks are not allowed"),
        mark("control characters are not allowed"),
        mark("write “Name: value” in printable ASCII on one line"),
        mark("at least one entry must be a single address or a range of at most 256"),
        mark("a range that covers (nearly) the whole internet cannot be a primary mail server: it may relay"),
        mark("this version of the relay does not do this yet"),
        mark("list the domains: finding them by MX is not done yet"),
        mark("a username is needed"),
        mark("is used twice"),
        mark("is already a user"),
        mark("already has a row of this kind"),
        mark("the domain is empty"),
        mark("the domain holds a control character"),
        mark("the domain name is malformed"),
        mark("the internationalised domain name is malformed"),
        mark("the address is empty"),
        mark("the address holds a control character"),
        mark("the address has no domain"),
        mark("the address has no local part"),
        mark("the local part is malformed"),
        mark("the address literal is malformed"),
        mark("an address literal names no zone"),
        mark("write a time such as 22:00"),
        mark("give both times, or neither"),
        mark("name somebody to write to"),
        mark("name the folder"),
        mark("write the whole path"),
        mark("it has to be another folder"),
        mark("a certificate and its key belong together: name both files, or neither"),
        mark("give both the certificate file and the key file, or neither"),
        mark("use lower-case letters, digits, hyphens and dots"),
        mark("a range needs both ends of one family"),
        mark("the range ends before it begins"),
        mark("another listener uses this address and port"),
        mark("this domain has a key under this selector already"),
        mark("this is not an exported configuration"),
        mark("passwords are not imported; set one after the import"),
        mark("it is missing"),
        mark("it is not part of an export"),
        mark("a whole number from 1 on is expected"),
        mark("row ids are not negative"),
        mark("an empty queue id"),
    )
)
"""Said by the model word for word."""

_SIMPLER = {
    "this would let (nearly) everyone on the internet send through this relay; narrow it, or confirm it with confirmed_world": (
        mark("This would let (nearly) everyone on the internet send through this relay: narrow it, or tick this.")
    ),
    "the password would travel unencrypted: choose an encryption, or allow it explicitly (auth.allow_cleartext)": mark(
        "The password would travel unencrypted: choose an encryption, or tick this."
    ),
    "this accepts mail for anyone: turn user verification on, or confirm with accept_for_anyone": mark(
        "This accepts mail for anyone: turn on user verification, or tick this."
    ),
}
"""Said for a command line; a form has the field right there."""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"at least (?P<limit>\S+)"), mark("at least {limit}")),
    (re.compile(r"at most (?P<limit>\S+)"), mark("at most {limit}")),
    (re.compile(r"more than (?P<limit>\S+)"), mark("more than {limit}")),
    (re.compile(r"less than (?P<limit>\S+)"), mark("less than {limit}")),
    (re.compile(r"“(?P<text>.*)” is not a complete IPv4 address"), mark("“{text}” is not a complete IPv4 address")),
    (
        re.compile(r"“(?P<text>.*)” is not a host name or an IP address: .*"),
        mark("“{text}” is not a host name or an IP address"),
    ),
    (re.compile(r"“(?P<text>.*)” is not a domain or \*\.domain: .*"), mark("“{text}” is not a domain or *.domain")),
    (re.compile(r"“(?P<text>.*)” is not a domain: .*"), mark("“{text}” is not a domain")),
    (re.compile(r"“(?P<text>.*)” is not a mail address: .*"), mark("“{text}” is not a mail address")),
    (
        re.compile(r"“(?P<text>.*)” is not an IP address, a range or a network: .*"),
        mark("“{text}” is not an IP address, a range or a network"),
    ),
    (re.compile(r"“(?P<text>.*)” is not an IP address"), mark("“{text}” is not an IP address")),
    (re.compile(r"“(?P<text>.*)” is not a URL"), mark("“{text}” is not a URL")),
    (re.compile(r"there is no outbound gateway “(?P<text>.*)”"), mark("there is no outbound gateway “{text}”")),
    (re.compile(r"there is no listener “(?P<text>.*)”"), mark("there is no listener “{text}”")),
    (
        re.compile(r"type the password again: the stored one is for (?P<host>.*)"),
        mark("type the password again: the stored one is for {host}"),
    ),
    (re.compile(r"use “\*” at most (?P<limit>\d+) times"), mark("use “*” at most {limit} times")),
    (re.compile(r"at \w+ the sender is not known yet"), mark("at this stage the sender is not known yet")),
    (re.compile(r"at \w+ no recipient is known yet"), mark("at this stage no recipient is known yet")),
)
_TEMPLATES = (
    mark("at most {limit} characters"),
    mark("choose one of: {names}"),
    mark("use lower-case letters, digits and hyphens, at most {limit}"),
    mark("the domain is longer than {limit} octets"),
    mark("the local part is longer than {limit} octets"),
    mark("the address is longer than {limit} octets"),
    mark("at least one entry must be a single address or a range of at most {limit}"),
    mark("this is not an exported configuration (its format is not “{text}”)"),
    mark("it comes from a newer Gatepost: {seen}, not {text}"),
    mark("“{text}” is used twice"),
    mark("“{text}” is already a user"),
    mark("“{text}” already has a row of this kind"),
    mark("“{text}” is the tray that is always there"),
)

_EMPTY = re.compile(r"“” is not .*")


def words(issue: Issue) -> str:
    """A sentence that stands under the field. What is not known here is said as the relay said it."""
    return _sentence(_translated(issue.message))


def _translated(message: str) -> str:
    if _EMPTY.fullmatch(message):
        return tr("this is needed")
    if message in _SENTENCES:
        return tr(message)
    if message in _SIMPLER:
        return tr(_SIMPLER[message])
    for pattern, text in _PATTERNS:
        found = pattern.fullmatch(message)
        if found is not None:
            return tr(text, **found.groupdict())
    for template, found in _templates().whole(message):
        return tr(template.text, **found.groupdict())
    return message


@cache
def _templates() -> Templates:
    return Templates(_TEMPLATES, {"limit": r"[\d,.]+"})


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?…" else f"{text}."
