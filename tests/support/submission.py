"""Submits a message by SMTP with the parameters a test wants, and says by which queue id it was taken."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence

PLAIN = (
    b"From: Ann <ann@sender.example>\r\nTo: bob@example.com\r\nSubject: Minutes\r\n"
    b"Message-ID: <1@sender.example>\r\n\r\nHello.\r\n"
)


def submit(
    port: int,
    sender: str,
    recipients: Sequence[str],
    content: bytes = PLAIN,
    *,
    mail: Sequence[str] = (),
    rcpt: Sequence[str] = (),
) -> str:
    """``mail`` and ``rcpt``: parameters such as ``NOTIFY=NEVER``. AssertionError with the reply when it is refused."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example.org", timeout=30) as client:
        client.ehlo()
        replies = [client.mail(sender, list(mail))]
        replies += [client.rcpt(recipient, list(rcpt)) for recipient in recipients]
        assert all(code == 250 for code, _ in replies), replies
        try:
            code, text = client.data(content)
        except smtplib.SMTPDataError as error:  # refused before the content
            code, text = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        assert code == 250, (code, text)
        return text.decode().rpartition(" ")[2]
