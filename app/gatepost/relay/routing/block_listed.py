"""Does a refusal speak of our address, or of this message and its recipient?

A reply that names a block list, a reputation or a policy about the sending address would meet every message, so the
address rests and another one is tried. A refusal of the recipient, the sender's domain or the content is final for the
recipient, and trying it elsewhere would only look like spam. In doubt it is the recipient's.
"""

from __future__ import annotations

import re

from ...model.reply import Reply
from ..common.printable import printable

_FLAGS = re.IGNORECASE

_ADDRESS_CODES = frozenset({"7.25", "7.606", "7.650", "7.700", "7.705", "7.750"})
"""X.7.25: reverse DNS of the client failed (RFC 7372). The others are one large provider's: banned sending address,
address reputation, and tenants that exceeded what is tolerated."""
_ADDRESS_CODE_RANGE = range(606, 650)
"""5.7.606 to 5.7.649: that provider's banned sending addresses."""

_MAX_TEXT = 2000

_LISTS = re.compile(
    r"\b(?:spamhaus|spamcop|barracuda ?central|sorbs|uceprotect|mailspike|invaluement|abusix|senderscore|nixspam|"
    r"backscatterer|hostkarma|dnswl|psbl|cbl\.abuseat|bl\d\d\b|"
    r"(?:zen|sbl|xbl|pbl|css)\b|(?:dns|ip|real-?time)?[ -]?(?:rbl|dnsbl|dnsrbl)s?\b|"
    r"(?:block|black|deny|ban|reject)[ -]?list(?:s|ed|ing)?\b)",
    _FLAGS,
)
_STANDING = re.compile(
    r"\breputation\b|\bbanned\b|\bbad host\b|\blisted (?:in|by|at|on)\b|\bunsolicited (?:mail|e-?mail)\b|"
    r"\bunusual (?:rate|traffic|volume)\b|\bunexpected volume\b|\buser complaints\b|\bcomplaint rate\b|"
    r"\bsuspicious (?:due|behaviou?r|activity)\b|\bnot (?:accepted|allowed|permitted|welcome) from\b|"
    r"\bwill not be accepted from\b|\brefus\w+ (?:mail|connections?|messages?) from\b|"
    r"\bblocked\b|\bdynamic(?:ally)?\b|\bresidential\b|\bgeneric (?:reverse|r?dns|ptr|hostname)|"
    r"\bptr\b|\breverse dns\b|\brdns\b|\breverse (?:host ?name|lookup|mapping)\b",
    _FLAGS,
)
_POLICY = re.compile(r"\bpolic(?:y|ies)\b|\baccess denied\b", _FLAGS)
_OUR_ADDRESS = re.compile(
    r"\b(?:your|sending|connecting|client|source|originating|remote|sender'?s?|this) "
    r"(?:mail |smtp |sending |server'?s? |mta'?s? |outbound |public )?"
    r"(?:ips?|ip[ -]?addresse?s?|host|server|mta|network|mailserver)\b|"
    r"\bips?[ -]?address\b|\bclient host\b|\b(?:the|an?) ip\b|\bsenderbase\b|\bdynamic ip\b|\bip reputation\b|\bip range\b",
    _FLAGS,
)
_LITERAL = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w*@)(?!\.\d)|\[?\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]{1,39}\b|\[(?:IPv6:)?[0-9a-f:]+:[0-9a-f:]+\]",
    _FLAGS,
)

_OF_RECIPIENT = re.compile(
    r"\b(?:user|recipient|mailbox|address) (?:unknown|not found|does not exist|rejected|disabled|full|is full)\b|"
    r"\bno such (?:user|recipient|mailbox)\b|\b(?:mailbox|quota) (?:full|exceeded)\b|\bover quota\b|"
    r"\b(?:recipient|user|mailbox owner)(?:'s)?\b[^.;]{0,40}\b(?:block(?:ed)?|deny|black|safe)[ -]?(?:list|senders?)|"
    r"\bblocked (?:by|at the request of) the (?:recipient|user|mailbox owner)\b|"
    r"\brelay(?:ing)?\b[^.;]{0,40}\b(?:denied|not (?:permitted|allowed)|prohibited)|\bunable to relay\b|"
    r"\bauthentication (?:is )?required\b|\bnot authenticated\b|\bsender verify failed\b",
    _FLAGS,
)
_OF_CONTENT = re.compile(
    r"\b(?:url|uri|link|domain|attachment|body|header|content|message content)s?\b[^.;]{0,60}"
    r"\b(?:surbl|uribl|ivmuri|dbl|(?:block|black|deny)[ -]?list(?:ed)?|listed|blocked|banned)|"
    r"\bdbl\.spamhaus\b|\bspamhaus[ -]dbl\b|\b(?:surbl|uribl)\b|"
    r"\b(?:spf|dkim|dmarc)\b|\bvirus\b|\bmalware\b|\bphish\w*\b|\battachment\b|"
    r"\bgr[ae]y ?list\w*\b|"
    r"\b(?:your|the) (?:message|e-?mail|mail) (?:looks like|appears to be|was (?:classified|identified|detected) as) spam\b",
    _FLAGS,
)
_SENDER_DOMAIN = re.compile(
    r"\b(?:sender|envelope|from|mail from|helo|ehlo)(?:'s)? (?:address|domain|name|e-?mail)\b[^.;]{0,60}"
    r"\b(?:listed|block\w*|black\w*|deny\w*|banned|reputation)",
    _FLAGS,
)


def block_listed(reply: Reply) -> str | None:
    """The reply on one line when it names a block list or a policy on our address; else None.

    Looks at 4xx and 5xx alike. Bounded work: only the first 2,000 characters are read.
    """
    if reply.code < 400:
        return None
    text = " ".join(reply.text[:_MAX_TEXT].split())
    return printable(str(reply), 300) if _speaks_of_our_address(reply, text) else None


def _speaks_of_our_address(reply: Reply, text: str) -> bool:
    names_address = bool(_OUR_ADDRESS.search(text) or _LITERAL.search(text))
    if _OF_RECIPIENT.search(text):
        return False
    if _is_address_code(reply.enhanced):
        return True
    if _OF_CONTENT.search(text) or (_SENDER_DOMAIN.search(text) and not _LITERAL.search(text)):
        return False
    if not names_address:
        return False
    if _LISTS.search(text) or _STANDING.search(text):
        return True
    return reply.enhanced.partition(".")[2] == "7.1" and bool(_POLICY.search(text))


def _is_address_code(enhanced: str) -> bool:
    detail = enhanced.partition(".")[2]
    if detail in _ADDRESS_CODES:
        return True
    subject, _, number = detail.partition(".")
    return subject == "7" and number.isdigit() and int(number) in _ADDRESS_CODE_RANGE
