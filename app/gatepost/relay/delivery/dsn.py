"""Notifications to senders: RFC 3464 reports in RFC 6522 containers, asked for by RFC 3461, in UTF-8 by RFC 6533.

Two questions, both pure: which recipients a notification is owed for (``owed``), and what it looks like (``compose``).
The parts are put together by hand: what is quoted stays octet for octet, and a burst of failures costs no parser.
The sentences for people are in ``dsn_text``.
"""

from __future__ import annotations

import binascii
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ...model.envelope import BodyType, Notify
from ...model.reply import Reply
from ..common.printable import printable
from . import dsn_text
from .values import Addressee

MAX_FULL = 51_200
"""A returned message is quoted whole up to this size; beyond it, its header only."""
MAX_HEADER = 65_536
"""So much of a header is quoted."""
MAX_DIAGNOSTIC = 900
MAX_RECIPIENTS = 1000

_UNSAFE_LINE = re.compile(r"[^\x20-\x7e]")
_XTEXT = re.compile(rb"\+([0-9A-F]{2})")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>\Z")
_REPORT = re.compile(rb"^content-type:[ \t]*multipart/report\b((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE | re.MULTILINE)
_REPORT_TYPE = re.compile(rb"[;\s]report-type\s*=\s*\"?([a-z0-9.-]+)", re.IGNORECASE)
_ABOUT_MAIL = (b"delivery-status", b"disposition-notification")


class Action(StrEnum):
    """RFC 3464 §2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    RELAYED = "relayed"


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to one recipient. Times are seconds since the epoch."""

    recipient: Addressee
    action: Action
    reply: Reply
    remote: str = ""
    """Name of the server that said it; empty when the reply is ours."""
    at: float = 0.0
    retry_until: float | None = None
    status: str = ""
    """RFC 3463 code that says more than the reply's own (delivery time expired)."""


@dataclass(frozen=True, slots=True)
class Original:
    """The message that is reported on. ``content``: all of it, or as much as the caller read (``size`` is the truth)."""

    queue_id: str
    sender: str
    received_at: float
    size: int
    content: bytes
    envid: str = ""
    ret: str = ""
    smtputf8: bool = False
    subject: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    """A finished notification: its content in wire form, and what its envelope must say."""

    content: bytes
    body: BodyType
    smtputf8: bool
    subject: str


def is_wanted(action: Action, notify: Notify) -> bool:
    """RFC 3461 §4.1. Without NOTIFY: failures and delays, never successes."""
    if notify is Notify.UNSPECIFIED:
        return action is not Action.RELAYED
    if notify & Notify.NEVER:
        return False
    flag = {Action.FAILED: Notify.FAILURE, Action.DELAYED: Notify.DELAY, Action.RELAYED: Notify.SUCCESS}[action]
    return bool(notify & flag)


def owed(sender: str, reports: Iterable[Report]) -> tuple[Report, ...]:
    """The reports to send to ``sender``. Nothing is ever sent to the null sender (RFC 5321 §4.5.5)."""
    if not sender or "@" not in sender:
        return ()
    return tuple(report for report in reports if is_wanted(report.action, report.recipient.notify))


def is_notification(content: bytes) -> bool:
    """Whether a message is itself a report on a message: answered by nobody, whatever its envelope says.

    Reports of other kinds (abuse, TLS) are mail like any other.
    """
    report = _REPORT.search(header_of(content))
    if report is None:
        return False
    kind = _REPORT_TYPE.search(report[1])
    return kind is None or kind[1].lower() in _ABOUT_MAIL


def compose(
    original: Original, reports: Sequence[Report], *, host_name: str, postmaster: str, now: float, serial: str
) -> Composed:
    """One notification for all ``reports``. ``serial`` is unique on this server (its queue id)."""
    reports = reports[:MAX_RECIPIENTS]
    utf8 = (
        original.smtputf8 or not original.sender.isascii() or any(not report.recipient.address.isascii() for report in reports)
    )
    worst = _worst(reports)
    subject = dsn_text.SUBJECTS[worst]
    boundary = f"=_{serial}.{int(now * 1000)}"
    quoted, quoted_type = _quoted(original, worst, utf8)
    while boundary.encode() in quoted:
        boundary += "."
    eight_bit = utf8 or not quoted.isascii()
    charset_type = "message/global-delivery-status" if utf8 else "message/delivery-status"
    text = dsn_text.body(
        host_name=host_name,
        postmaster=postmaster,
        subject=printable(original.subject, 150),
        received=_date(original.received_at),
        worst=worst,
        entries=[_entry(report) for report in reports],
        queue_id=original.queue_id,
        has_content=b"rfc822-headers" not in quoted_type and b"global-headers" not in quoted_type,
    )
    head = [
        f"From: Mail Delivery System <MAILER-DAEMON@{host_name}>",
        f"To: <{_line(original.sender, utf8)}>",
        f"Reply-To: <{postmaster}>",
        f"Subject: {subject}",
        f"Date: {_date(now)}",
        f"Message-ID: <{serial}.{int(now)}@{host_name}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"',
    ]
    if _MESSAGE_ID.match(original.message_id):
        head += [f"In-Reply-To: {original.message_id}", f"References: {original.message_id}"]
    if eight_bit:
        head.append("Content-Transfer-Encoding: 8bit")
    fields = _fields(original, reports, host_name, utf8).encode("utf-8" if utf8 else "ascii", "replace")
    delimiter = f"\r\n--{boundary}".encode("ascii")
    content = b"".join(
        (
            "\r\n".join(head).encode("utf-8" if utf8 else "ascii", "replace"),
            b"\r\n\r\nThis is a report in MIME format.\r\n",
            delimiter,
            b"\r\nContent-Description: Notification\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
            _quoted_printable(text),
            delimiter,
            b"\r\nContent-Description: Delivery report\r\nContent-Type: " + charset_type.encode("ascii"),
            b"\r\nContent-Transfer-Encoding: 8bit" if utf8 else b"",
            b"\r\n\r\n",
            fields,
            delimiter,
            b"\r\n" + quoted_type,
            b"\r\n\r\n",
            quoted,
            delimiter + b"--\r\n",
        )
    )
    body = BodyType.EIGHT_BIT_MIME if eight_bit else BodyType.SEVEN_BIT
    return Composed(content, body, utf8, subject)


def _worst(reports: Sequence[Report]) -> Action:
    actions = {report.action for report in reports}
    return next(action for action in (Action.FAILED, Action.DELAYED, Action.RELAYED) if action in actions)


def status_of(reply: Reply, action: Action) -> str:
    """RFC 3463 status code; made from the reply's code when it gave none."""
    if action is Action.RELAYED and not reply.enhanced.startswith("2."):
        return "2.0.0"
    if re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", reply.enhanced):
        return reply.enhanced
    return f"{reply.code // 100 if reply.code // 100 in (2, 4, 5) else 5}.0.0"


def _entry(report: Report) -> dsn_text.Entry:
    return dsn_text.Entry(
        address=printable(report.recipient.address, 320),
        action=report.action,
        status=report.status or status_of(report.reply, report.action),
        reply=printable(str(report.reply), MAX_DIAGNOSTIC),
        remote=printable(report.remote, 255),
        retry_until=_date(report.retry_until) if report.retry_until is not None else "",
    )


def _fields(original: Original, reports: Sequence[Report], host_name: str, utf8: bool) -> str:
    lines = [f"Reporting-MTA: dns; {host_name}"]
    if original.envid:
        lines.append(f"Original-Envelope-Id: {_line(_decoded_xtext(original.envid), False)}")
    lines.append(f"Arrival-Date: {_date(original.received_at)}")
    for report in reports:
        lines.append("")
        if report.recipient.orcpt:
            kind, _, address = report.recipient.orcpt.partition(";")
            lines.append(f"Original-Recipient: {_line(kind, False)}; {_line(_decoded_xtext(address), utf8)}")
        address = report.recipient.address
        lines.append(f"Final-Recipient: {'rfc822' if address.isascii() else 'utf-8'}; {_line(address, utf8)}")
        lines.append(f"Action: {report.action}")
        lines.append(f"Status: {report.status or status_of(report.reply, report.action)}")
        if report.remote:
            lines.append(f"Remote-MTA: dns; {_line(report.remote, False)[:255]}")
            diagnostic = str(report.reply)
            lines.append(_folded(f"Diagnostic-Code: smtp; {_line(diagnostic, False)[:MAX_DIAGNOSTIC]}"))
        elif report.action is not Action.RELAYED:
            lines.append(_folded(f"Diagnostic-Code: x-gatepost; {_line(report.reply.text, False)[:MAX_DIAGNOSTIC]}"))
        if report.at:
            lines.append(f"Last-Attempt-Date: {_date(report.at)}")
        if report.retry_until is not None and report.action is Action.DELAYED:
            lines.append(f"Will-Retry-Until: {_date(report.retry_until)}")
    return "\r\n".join(lines) + "\r\n"


def _line(text: str, utf8: bool) -> str:
    """Untrusted text for one field: nothing in it can end the field, begin another, or pass 998 octets."""
    return printable(text, 240) if utf8 else _UNSAFE_LINE.sub("?", printable(text, 900))


def _folded(field: str, width: int = 76) -> str:
    """RFC 5322 §2.2.3 folding at spaces; a word too long for a line is broken, so that no line passes 998 octets."""
    lines: list[str] = []
    while len(field) > width:
        cut = field.rfind(" ", 20, width)
        cut = cut if cut > 0 else width
        lines.append(field[:cut].rstrip())
        field = " " + field[cut:].lstrip()
    return "\r\n".join([*lines, field])


def _decoded_xtext(text: str) -> str:
    """RFC 3461 §4 xtext; the utf-8-addr-xtext form ``\\x{…}`` of RFC 6533 §3 is left as it is."""
    raw = _XTEXT.sub(lambda match: bytes([int(match[1], 16)]), text.encode("utf-8", "replace"))
    return raw.decode("utf-8", "replace")


def _date(at: float) -> str:
    """RFC 5322 §3.3 in UTC; independent of the locale."""
    moment = time.gmtime(at)
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return (
        f"{days[moment.tm_wday]}, {moment.tm_mday:02} {months[moment.tm_mon - 1]} {moment.tm_year} "
        f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} +0000"
    )


def header_of(content: bytes) -> bytes:
    """The header section, up to ``MAX_HEADER`` octets, without the empty line that ends it."""
    if content.startswith(b"\r\n"):
        return b""
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER)
    if end >= 0:
        return content[: end + 2]
    cut = content.rfind(b"\r\n", 0, MAX_HEADER)
    return content[: cut + 2] if cut >= 0 else content[: min(len(content), 998)]


def _quoted(original: Original, worst: Action, utf8: bool) -> tuple[bytes, bytes]:
    """(what is quoted of the original, its MIME header). Only failures return content (RFC 3461 §4.3)."""
    whole = len(original.content) == original.size and original.size <= MAX_FULL
    if not utf8 and not header_of(original.content).isascii():
        whole = False  # raw 8-bit header fields could not be converted for a hop without 8BITMIME (RFC 6152 §3)
    if worst is Action.FAILED and original.ret != "HDRS" and whole and b"\x00" not in original.content:
        eight_bit = not original.content.isascii()
        kind = b"message/global" if utf8 else b"message/rfc822"
        encoding = b"\r\nContent-Transfer-Encoding: 8bit" if eight_bit else b""
        return original.content, b"Content-Description: Returned message\r\nContent-Type: " + kind + encoding
    header = header_of(original.content)
    kind = b"message/global-headers" if utf8 else b"text/rfc822-headers"
    encoding = b""
    if not header.isascii():
        if utf8:
            encoding = b"\r\nContent-Transfer-Encoding: 8bit"
        else:
            header = binascii.b2a_qp(header.replace(b"\r\n", b"\n"), istext=True).replace(b"\n", b"\r\n")
            encoding = b"\r\nContent-Transfer-Encoding: quoted-printable"
    return header, b"Content-Description: Header of the message\r\nContent-Type: " + kind + encoding


def _quoted_printable(text: str) -> bytes:
    return binascii.b2a_qp(text.encode("utf-8"), istext=True).replace(b"\n", b"\r\n")
