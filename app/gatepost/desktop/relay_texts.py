"""What the relay says of routes, waiting and next hops, in the person's language.

It speaks English; what is not known here is shown as it came. A test goes through the sentences of the relay's sources.
"""

from __future__ import annotations

import re

from .i18n import mark, tr
from .relay_failures import FAILURES, STAGES, WAITING

_UNTIL = r"(?P<time>\S+ \S+ UTC)"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        # the rule that counts, and those that do not
        (r"the row for senders at (?P<domain>\S+)", mark("the row for senders at {domain}")),
        (r"the row for recipients at (?P<domain>\S+)", mark("the row for recipients at {domain}")),
        (r"(?P<domain>\S+) on the card of “(?P<name>.+)”", mark("{domain} on the card of “{name}”")),
        (r"the default in Settings → Delivery", mark("the default in Settings → Delivery")),
        (r"the inbound gateway “(?P<name>.+)” \(its domain (?P<domain>\S+)\)",
         mark("the inbound gateway “{name}” (its domain {domain})")),
        (r"the inbound gateway “(?P<name>.+)” \(all domains but those specified\)",
         mark("the inbound gateway “{name}” (all domains but those specified)")),
        (r"the inbound gateway “(?P<name>.+)” \((?P<domain>\S+), which it was found to front\)",
         mark("the inbound gateway “{name}” (found to stand in front of {domain})")),
        (r"Not (?P<part>.+): (?P<reason>.+ comes before it|its gateway .+)\.", mark("Not {part}: {reason}.")),
        (r"(?P<part>.+) comes before it", mark("{part} comes before it")),
        (r"its gateway “(?P<name>.+)” is disabled", mark("its gateway “{name}” is disabled")),
        # ways out
        (r"to the primary mail server of “(?P<name>.+)”", mark("to the primary mail server of “{name}”")),
        (r"direct delivery to the mail hosts of (?P<domain>\S+)", mark("direct delivery to the mail hosts of {domain}")),
        (r"Round Robin, because the gateway “(?P<name>.+)” is disabled",
         mark("Round Robin, because the gateway “{name}” is disabled")),
        (r"direct delivery, because the gateway “(?P<name>.+)” is disabled",
         mark("direct delivery, because the gateway “{name}” is disabled")),
        (r"the gateway “(?P<name>[^”]+)”, which is disabled: mail waits",
         mark("the gateway “{name}”, which is disabled: mail waits")),
        (r"the gateway “(?P<name>[^”]+)”", mark("the gateway “{name}”")),
        # gateways
        (r"“(?P<name>.+)” takes the next message\.", mark("“{name}” takes the next message.")),
        (r"“(?P<name>.+)” is tried if the ones before it fail\.", mark("“{name}” is tried if the ones before it fail.")),
        (r"“(?P<name>.+)” serves only its own domains\.", mark("“{name}” serves only its own domains.")),
        (r"“(?P<name>.+)” is not the gateway that the rule names\.", mark("“{name}” is not the gateway that the rule names.")),
        (r"“(?P<name>.+)” is disabled\.", mark("“{name}” is disabled.")),
        (r"“(?P<name>.+?)” rests for (?P<n>\d+) s more after: (?P<reason>.+?)(?: \(since (?P<since>[^)]+ UTC)\))?\.",
         mark("“{name}” rests for {n} s more after: {reason}")),
        (r"“(?P<name>.+?)” is being tried again after: (?P<reason>.+?)(?: \(since (?P<since>[^)]+ UTC)\))?\.",
         mark("“{name}” is being tried again after: {reason}")),
        (r"“(?P<name>.+?)” has taken (?P<n>\d+) messages, its cap is (?P<most>\d+) a minute\.",
         mark("“{name}” has taken {n} messages, its cap is {most} a minute.")),
        (r"“(?P<name>.+?)” has taken (?P<n>\d+) messages, its cap is (?P<most>\d+) a day\.",
         mark("“{name}” has taken {n} messages, its cap is {most} a day.")),
        # captured mail that is released
        (r"What is released would be captured again or redirected\.",
         mark("What is released would be captured again or redirected.")),
        (r"It would leave by (?P<name>.+), which does not deliver\.",
         mark("It would leave by {name}, which does not deliver.")),
        (r"Choose a gateway that delivers\.", mark("Choose a gateway that delivers.")),
        # a draft that names another server
        (r"The stored sign-in is for (?P<host>\S+)\.", mark("The stored sign-in is for {host}.")),
        (r"It is not sent to another server\. Save the new server, then verify it\.",
         mark("It is not sent to another server. Save the new server, then verify it.")),
        (r"The primary's address (?P<address>\S+) rests after: (?P<reason>.+)\.",
         mark("The primary's address {address} rests after: {reason}")),
        (r"Mail host (?P<host>\S+), preference (?P<n>\d+), (?P<address>\S+): rests, or is beyond those tried in one attempt\.",
         mark("Mail host {host}, preference {n}, {address}: rests, or is beyond those tried in one attempt.")),
        (r"Mail host (?P<host>\S+), preference (?P<n>\d+), (?P<address>\S+)\.",
         mark("Mail host {host}, preference {n}, {address}.")),
        (r"“(?P<name>.+)” is not needed\.", mark("“{name}” is not needed.")),
        (r"“(?P<name>.+)” is a standby gateway, and another gateway of the pool is healthy\.",
         mark("“{name}” is in reserve, and another gateway is healthy.")),
        (r"The primary's address (?P<address>\S+) is tried\.", mark("The primary's address {address} is tried.")),
        (r"The primary's address (?P<address>\S+) is left out\.", mark("The primary's address {address} is left out.")),
        (r"(?P<domain>\S+) names no mail host: it is its own\.", mark("{domain} names no mail host: it is its own.")),
        (r"The DNS names (?P<n>\d+) usable mail host\(s\) of (?P<domain>\S+)\.",
         mark("The DNS names {n} usable mail hosts of {domain}.")),
        # whether the client may send at all
        (r"(?P<client>\S+) may send this, because (?P<reason>.+)\.", mark("{client} may send this, because {reason}.")),
        (r"“(?P<name>.+)” has signed in", mark("“{name}” has signed in")),
        (r"its address is in a trusted network", mark("its address is in a trusted network")),
        (r"it is the primary of an inbound gateway", mark("it is the primary of an inbound gateway")),
        (r"(?P<domain>\S+) is a domain of “(?P<name>.+)”", mark("{domain} is a domain of “{name}”")),
        (r"(?P<domain>\S+) was found to be behind an inbound gateway",
         mark("{domain} was found to be behind an inbound gateway")),
        (r"(?P<client>\S+) is refused: (?P<reply>\d{3} .+)", mark("{client} is refused: {reply}")),
        # the outcome
        (r"Is captured in the test inbox instead of going to (?P<hop>.+): nothing is delivered\.",
         mark("Is captured in the test inbox instead of going to {hop}: nothing is delivered.")),
        (r"Goes to (?P<hop>.+), (?P<tls>not encrypted|STARTTLS .+|TLS .+), and there to (?P<address>\S+) instead of to its"
         r" recipient\.", mark("Goes to {hop}, {tls}, and there to {address} instead of to its recipient.")),
        (r"Goes to (?P<hop>.+), (?P<tls>not encrypted|STARTTLS .+|TLS .+)\.", mark("Goes to {hop}, {tls}.")),
        (r"Is returned to the sender: (?P<reply>.+)\.", mark("Is returned to the sender: {reply}.")),
        (rf"Waits until {_UNTIL} or longer: (?P<reason>.+)\.", mark("Waits until {time} or longer: {reason}.")),
        (r"Waits: (?P<reason>.+)\.", mark("Waits: {reason}.")),
        (r"no round-robin gateway is set up", mark("no round-robin gateway is set up")),
        (r"no round-robin gateway is enabled", mark("no round-robin gateway is enabled")),
        (r"the (?:inbound )?gateway “(?P<name>[^”]+)” is disabled", mark("the gateway “{name}” is disabled")),
        # trouble, by the limits of Settings → Alarms
        (r"The certificate for (?P<name>\S+) has expired\.", mark("The certificate for {name} has expired.")),
        (r"The certificate for (?P<name>\S+) expires in (?P<n>\d+) days\.",
         mark("The certificate for {name} expires in {n} days.")),
        (r"The certificate that (?P<name>.+) is accepted by has expired\.",
         mark("The certificate that {name} is accepted by has expired.")),
        (r"The certificate that (?P<name>.+) is accepted by expires in (?P<n>\d+) days\.",
         mark("The certificate that {name} is accepted by expires in {n} days.")),
        (r"A listener's certificate cannot be used\.", mark("A listener's certificate cannot be used.")),
        (r"Renew it\.", mark("Renew it.")),
        (r"When the server has a new one, verify the connection and accept it\.",
         mark("When the server has a new one, verify the connection and accept it.")),
        (r"(?P<n>[\d,]+) deliveries wait in the spool\.", mark("{n} deliveries wait in the spool.")),
        (r"The oldest message has waited for (?P<n>\d+) hours\.", mark("The oldest message has waited for {n} hours.")),
        (r"(?P<n>[\d,]+) times somebody was refused within an hour\.",
         mark("{n} times somebody was refused within an hour.")),
        (r"More than the (?P<n>[\d,]+) that are allowed for in Settings → Alarms\.",
         mark("More than the {n} that are allowed for in Settings → Alarms.")),
        (r"Longer than the (?P<n>\d+) hours that are allowed for in Settings → Alarms\.",
         mark("Longer than the {n} hours that are allowed for in Settings → Alarms.")),
        # how a connection is secured
        (r"(?P<how>STARTTLS [^;]+|TLS [^;]+); (?P<check>.+)", mark("{how}; {check}")),
        (r"not encrypted", mark("not encrypted")),
        (r"STARTTLS when offered, else in the clear", mark("STARTTLS when offered, else in the clear")),
        (r"STARTTLS required", mark("STARTTLS required")),
        (r"TLS from the start", mark("TLS from the start")),
        (r"certificate verified against the system's trust", mark("certificate verified against the system's trust")),
        (r"only the certificate (?P<fingerprint>\S+)", mark("only the certificate {fingerprint}")),
        (r"certificate not verified", mark("certificate not verified")),
        (r"(?P<label>.+) · (?P<tls>not encrypted|STARTTLS .+|TLS .+)", mark("{label} · {tls}")),
    )
)  # fmt: skip
_WAITING = tuple((re.compile(pattern), text) for pattern, text in WAITING)
_FAILURES = tuple((re.compile(rf"{pattern}(?: |$)"), text) for pattern, text in FAILURES)
_SPOKEN = frozenset({"part", "reason", "how", "check", "tls"})
"""Groups that are texts of the relay themselves; the others are names, addresses and others' words."""
_DECIDES = re.compile(r"(?P<rule>.+) decides: (?P<way>.+)\.")


def said(text: str) -> str:
    """A text of the relay about routes, waiting and next hops."""
    return _known(text) or _joined(text) or _sentences(text)


def _known(text: str) -> str:
    """A whole text that is known; "" for others."""
    if found := _DECIDES.fullmatch(text):
        rule = said(found["rule"][:1].lower() + found["rule"][1:])
        return tr("{rule} decides: {way}.", rule=rule[:1].upper() + rule[1:], way=said(found["way"]))
    for pattern, words in _PATTERNS:
        if found := pattern.fullmatch(text):
            return _filled(words, found)
    return ""


def _joined(text: str) -> str:
    """Reasons behind each other, with semicolons, which a reason may hold, too; "" where the first one is not known."""
    reasons: list[str] = []
    for part in text.split("; "):
        if reasons and not _reason(part):
            reasons[-1] = f"{reasons[-1]}; {part}"
        else:
            reasons.append(part)
    if not _reason(reasons[0]):
        return ""
    return "; ".join(_reason(reason) for reason in reasons)


def _reason(text: str) -> str:
    if known := _known(text):
        return known
    for pattern, words in _WAITING:
        if found := pattern.fullmatch(text):
            return _filled(words, found)
    return ""


def _sentences(text: str) -> str:
    """What happened, and what was seen: as many sentences as are known, the rest as it came."""
    made, rest = [], text
    while rest:
        for pattern, words in _FAILURES:
            if found := pattern.match(rest):
                made.append(_filled(words, found))
                rest = rest[found.end() :]
                break
        else:
            made.append(rest)
            break
    return " ".join(made)


def _filled(words: str, found: re.Match[str]) -> str:
    parts: dict[str, str] = {}
    for name, part in found.groupdict("").items():
        parts[name] = said(part) if name in _SPOKEN else tr(STAGES[part]) if name == "stage" and part in STAGES else part
    return tr(words, **parts)
