"""A notice as a mail: plain text that says what is wrong, since when, and what to do."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from .ledger import Notice, Trouble

_HEADINGS = (("raised", "New"), ("reminded", "Still so"), ("cleared", "Over"))


def subject(notice: Notice, host_name: str) -> str:
    active = (*notice.raised, *notice.reminded)
    if not active:
        more = f" and {len(notice.cleared) - 1} more" if len(notice.cleared) > 1 else ""
        return f"[Gatepost {host_name}] Over: {notice.cleared[0].title}{more}"
    more = f" and {len(active) - 1} more" if len(active) > 1 else ""
    again = "Still: " if not notice.raised else ""
    return f"[Gatepost {host_name}] {again}{active[0].title}{more}"


def text(notice: Notice, host_name: str) -> str:
    parts = [f"This is Gatepost on {host_name}."]
    for name, heading in _HEADINGS:
        if troubles := getattr(notice, name):
            parts.append(f"{heading}:\n\n" + "\n\n".join(_lines(troubles)))
    parts.append("Who is told of what is set in Settings → Alarms.")
    return "\n\n".join(parts) + "\n"


def _lines(troubles: Iterable[Trouble]) -> Iterator[str]:
    for one in troubles:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.since))
        more = (f"  {_printable(part)}" for part in (one.detail, one.hint) if part)
        yield "\n".join((f"* {_printable(one.title)} (since {since})", *more))


def _printable(words: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in words)[:500]


def compose(sender: str, recipients: Sequence[str], title: str, body: str, host_name: str, now: float) -> bytes:
    """In wire form, marked as written by a program (RFC 3834 §5), so that nothing answers it. Blocking: loads ``email``."""
    import email.policy
    from email.message import EmailMessage
    from email.utils import formatdate, make_msgid

    message = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=78))
    message["Date"] = formatdate(now)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = _printable(title)
    message["Message-ID"] = make_msgid(domain=host_name)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(body, cte="quoted-printable")
    return message.as_bytes()
