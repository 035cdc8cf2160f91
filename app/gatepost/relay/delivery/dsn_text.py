"""What a notification says to the person who reads it: what happened, and what to do, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SUBJECTS = {
    "failed": "Your message could not be delivered",
    "delayed": "Your message is delayed; we keep trying",
    "relayed": "Your message was passed on",
}

_ADVICE: tuple[tuple[str, str, str], ...] = (
    ("1.1", "There is no such address there.", "Check the address for typing mistakes and send the message again."),
    ("1.2", "The part of the address after the @ does not exist.", "Check it for typing mistakes and send the message again."),
    ("1.6", "The mailbox has moved.", "Ask the recipient for the new address."),
    ("1.10", "This domain does not accept mail.", "Check the address, or reach the recipient in another way."),
    ("1.", "The address was not accepted.", "Check the address for typing mistakes and send the message again."),
    ("2.1", "The mailbox is switched off.", "Reach the recipient in another way, or ask for another address."),
    ("2.2", "The recipient's mailbox is full.", "Tell the recipient in another way, and send the message again later."),
    ("2.3", "The message is too large for the recipient.", "Send it again with smaller attachments, or share a link instead."),
    ("3.4", "The message is too large for the recipient's server.", "Send it again with smaller attachments."),
    ("4.7", "The recipient's server could not be reached for so long that we gave up.",
     "Check the address; if it is right, try again later or reach the recipient in another way."),
    ("4.6", "The message went round in a circle between servers.", "Tell the recipient's administrator, or ours."),
    ("5.3", "The message has too many recipients for that server.", "Send it to fewer recipients at once."),
    ("6.", "The recipient's server cannot take the form in which the message is written.",
     "Send it again as plain text, or from another mail program."),
    ("7.1", "The recipient's server refused the message by its rules.",
     "Reach the recipient in another way; the recipient can ask their administrator to let your messages in."),
    ("7.", "The recipient's server refused the message for reasons of security or policy.",
     "Reach the recipient in another way, or show this message to your administrator."),
)  # fmt: skip
_OTHERWISE = (
    "The recipient's server did not accept the message.",
    "The technical details below tell an administrator why. If the address is right, try again later.",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient, already printable. ``status`` as in RFC 3463, ``retry_until`` a date or empty."""

    address: str
    action: str
    status: str
    reply: str
    remote: str
    retry_until: str


def advice(status: str) -> tuple[str, str]:
    """(what happened, what to do) for a status code."""
    tail = status.partition(".")[2]
    for prefix, what, then in _ADVICE:
        if tail == prefix or (prefix.endswith(".") and tail.startswith(prefix)):
            return what, then
    return _OTHERWISE


def body(
    *,
    host_name: str,
    postmaster: str,
    subject: str,
    received: str,
    worst: str,
    entries: Sequence[Entry],
    queue_id: str,
    has_content: bool,
) -> str:
    """The text part, lines ended by LF."""
    lines = [f"This is the mail server {host_name}. You do not need to answer this message.", ""]
    about = f"Your message “{subject}”" if subject else "Your message"
    lines.append(f"{about} of {received}:")
    for action, opening in (
        ("failed", "could not be delivered to:"),
        ("delayed", "could not be delivered yet to:"),
        ("relayed", "was passed on to a server that sends no further confirmations, for:"),
    ):
        chosen = [entry for entry in entries if entry.action == action]
        if not chosen:
            continue
        lines += ["", opening]
        for entry in chosen:
            lines += ["", *_entry(entry)]
    lines.append("")
    if worst == "delayed":
        lines += ["You need not send it again. We keep trying, and tell you if it fails in the end.", ""]
    elif worst == "failed":
        quoted = "Your message is attached." if has_content else "The header of your message is attached."
        lines += [f"No further attempt is made for the addresses that failed. {quoted}", ""]
    lines.append(f"Questions? Write to {postmaster} and name this number: {queue_id}.")
    return "\n".join(lines) + "\n"


def _entry(entry: Entry) -> list[str]:
    lines = [f"  {entry.address}"]
    if entry.action == "relayed":
        return lines
    if entry.action == "failed":
        what, then = advice(entry.status)
        lines += [f"    {what}", f"    What you can do: {then}"]
    elif entry.retry_until:
        lines.append(f"    We try until {entry.retry_until}.")
    source = f"{entry.remote} said" if entry.remote else "Details"
    lines.append(f"    {source}: {entry.reply}")
    return lines
