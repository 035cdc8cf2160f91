"""What MAIL and RCPT say: path and parameters (RFC 5321 §4.1.1.2, 1870, 6152, 6531, 4954, 3461).

Plain paths are settled by one regular expression; the rest meets the full grammar. Values keep their case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ...model.address import AddressError, Mailbox, parse_mailbox
from ...model.envelope import BodyType, Notify
from ...model.reply import Reply

MAX_ENVID = 100
MAX_ORCPT = 500
MAX_PATH = 1000
_PLAIN_PATH = re.compile(r'(FROM|TO): ?<([^\s"<>\\]*)>(?: +(.*))?\Z', re.IGNORECASE)
_FULL_PATH = re.compile(r'(FROM|TO):\s*<((?:[^\s"<>\\]|"(?:[^"\\]|\\.)*")*)>(?:\s+(.*))?\Z', re.IGNORECASE)
_SOURCE_ROUTE = re.compile(r"@[^,:@]+(?:,@[^,:@]+)*:(.*)\Z", re.DOTALL)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u00a1-\U0010ffff]+))?\Z")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+\Z")
_ORCPT = re.compile(r"[A-Za-z0-9-]+;[!-~\u00a1-\U0010ffff]+\Z")
_NOTIFY = {"SUCCESS": Notify.SUCCESS, "FAILURE": Notify.FAILURE, "DELAY": Notify.DELAY}
_BODIES = {"7BIT": BodyType.SEVEN_BIT, "8BITMIME": BodyType.EIGHT_BIT_MIME}


class ParameterError(Exception):
    """The command cannot be obeyed; ``reply`` says why."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(code, enhanced, text)


@dataclass(slots=True)
class MailCommand:
    """``sender`` is empty for ``<>``."""

    sender: str
    size: int = 0
    body: BodyType = BodyType.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    needs_smtputf8: bool = False
    """The path holds non-ASCII characters."""


@dataclass(slots=True)
class RcptCommand:
    """``mailbox`` None stands for ``<postmaster>`` without a domain (RFC 5321 §4.5.1)."""

    mailbox: Mailbox | None
    notify: Notify = Notify.UNSPECIFIED
    orcpt: str = ""
    needs_smtputf8: bool = False


@lru_cache(maxsize=1024)
def _mailbox(path: str) -> Mailbox:
    return parse_mailbox(path)


def _split(argument: str, keyword: str) -> tuple[str, str]:
    match = _PLAIN_PATH.match(argument) or _FULL_PATH.match(argument)
    if match is None or match[1].upper() != keyword:
        verb = "MAIL FROM" if keyword == "FROM" else "RCPT TO"
        raise ParameterError(501, "5.5.4", f"Write {verb}:<address>, with the angle brackets")
    path = match[2]
    if path.startswith("@"):
        route = _SOURCE_ROUTE.match(path)
        if route is None:
            raise ParameterError(501, "5.1.3", "The source route is malformed")
        path = route[1]  # RFC 5321 appendix C: understood, and ignored
    if len(path) > MAX_PATH:
        raise ParameterError(501, "5.1.3", "The path is too long")
    return path, match[3] or ""


def _parameters(text: str, extended: bool, verb: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for part in text.split():
        match = _PARAMETER.match(part)
        if match is None:
            raise ParameterError(501, "5.5.4", f"A parameter of {verb} is malformed")
        name = match[1].upper()
        if name in found:
            raise ParameterError(501, "5.5.4", f"{name} is given twice")
        found[name] = match[2]
    if found and not extended:
        raise ParameterError(555, "5.5.4", f"Parameters of {verb} need EHLO")
    return found


def parse_mail(argument: str, extended: bool) -> MailCommand:
    """Raises ParameterError. ``extended``: the session began with EHLO."""
    path, rest = _split(argument, "FROM")
    sender = ""
    if path:
        try:
            sender = str(_mailbox(path))
        except AddressError as error:
            raise ParameterError(553, "5.1.7", f"The sender is not right: {error}") from error
    command = MailCommand(sender, needs_smtputf8=not path.isascii())
    if rest:
        for name, value in _parameters(rest, extended, "MAIL").items():
            _apply_to_mail(command, name, value)
    return command


def _apply_to_mail(command: MailCommand, name: str, value: str | None) -> None:
    if name == "SIZE":
        if value is None or not value.isascii() or not value.isdigit() or len(value) > 20:
            raise ParameterError(501, "5.5.4", "SIZE takes a number of octets")
        command.size = int(value)
    elif name == "BODY":
        body = _BODIES.get((value or "").upper())
        if body is None:
            raise ParameterError(555, "5.5.4", "BODY can be 7BIT or 8BITMIME here")
        command.body = body
    elif name == "SMTPUTF8":
        if value is not None:
            raise ParameterError(501, "5.5.4", "SMTPUTF8 takes no value")
        command.smtputf8 = True
    elif name == "RET":
        command.ret = (value or "").upper()
        if command.ret not in ("FULL", "HDRS"):
            raise ParameterError(501, "5.5.4", "RET is FULL or HDRS")
    elif name == "ENVID":
        if value is None or len(value) > MAX_ENVID or not _XTEXT.match(value):
            raise ParameterError(501, "5.5.4", f"ENVID takes at most {MAX_ENVID} characters of xtext")
        command.envid = value
    elif name == "AUTH":
        if value is None or not (value == "<>" or _XTEXT.match(value)):
            raise ParameterError(501, "5.5.4", "AUTH takes a mailbox as xtext, or <>")
    else:
        raise ParameterError(555, "5.5.4", f"The parameter {name[:40]} is not known here")


def parse_rcpt(argument: str, extended: bool) -> RcptCommand:
    """Raises ParameterError. ``extended``: the session began with EHLO."""
    path, rest = _split(argument, "TO")
    mailbox: Mailbox | None = None
    if path.lower() != "postmaster":
        try:
            mailbox = _mailbox(path)
        except AddressError as error:
            raise ParameterError(501 if not path else 553, "5.1.3", f"The recipient is not right: {error}") from error
    command = RcptCommand(mailbox, needs_smtputf8=not path.isascii())
    if rest:
        for name, value in _parameters(rest, extended, "RCPT").items():
            _apply_to_rcpt(command, name, value)
    return command


def _apply_to_rcpt(command: RcptCommand, name: str, value: str | None) -> None:
    if name == "NOTIFY":
        command.notify = _notify(value or "")
    elif name == "ORCPT":
        if value is None or len(value) > MAX_ORCPT or not _ORCPT.match(value) or not _is_sound_orcpt(value):
            raise ParameterError(501, "5.5.4", "ORCPT takes type;address as xtext")
        command.orcpt = value
        command.needs_smtputf8 |= not value.isascii()
    else:
        raise ParameterError(555, "5.5.4", f"The parameter {name[:40]} is not known here")


def _is_sound_orcpt(value: str) -> bool:
    kind, _, address = value.partition(";")
    return kind.lower() == "utf-8" or _XTEXT.match(address) is not None


def _notify(value: str) -> Notify:
    words = value.upper().split(",")
    if words == ["NEVER"]:
        return Notify.NEVER
    notify = Notify.UNSPECIFIED
    for word in words:
        flag = _NOTIFY.get(word)
        if flag is None or flag & notify:
            raise ParameterError(501, "5.5.4", "NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY")
        notify |= flag
    return notify
