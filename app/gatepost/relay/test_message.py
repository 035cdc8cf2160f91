"""The test message that an administrator sends to see the way from here to a mailbox."""

from __future__ import annotations


def compose(sender: str, recipient: str, host_name: str, now: float) -> bytes:
    """A small, honest message in wire form. Blocking: the email package is loaded at the first use."""
    import email.policy
    from email.message import EmailMessage
    from email.utils import formatdate, make_msgid

    message = EmailMessage(policy=email.policy.SMTP)
    message["Date"] = formatdate(now)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = "Test message from Gatepost"
    message["Message-ID"] = make_msgid(domain=host_name)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        "This message was sent from Gatepost to see whether mail arrives.\n\n"
        f"It left {host_name}. Its way stands in the header fields named Received.\n"
        "Nothing needs to be done."
    )
    return message.as_bytes()


def header_value(content: bytes, name: bytes) -> str:
    """The first line of a field in a message that we composed ourselves; empty when it is not there."""
    for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        key, colon, value = line.partition(b":")
        if colon and key.lower() == name:
            return value.strip().decode("ascii", "replace")
    return ""
