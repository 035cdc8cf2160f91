"""8-bit content for a server that takes only 7-bit (RFC 6152 §3): re-encoded, never sent raw.

The only place where a relayed message is changed; others' signatures over the body may break, which is why it happens only
after every hop of the plan has declined 8BITMIME. Our own are made again (``Surroundings.signed_again``).
"""

from __future__ import annotations

MAX_CONVERSION = 8 * 1024 * 1024
"""Octets; larger content is bounced (5.6.3), for its parse would take several times its size in memory."""
MAX_PARTS = 1000
"""Boundaries and parts of any kind. A part of eight octets costs a kilobyte and more, once it is taken apart."""
MAX_NESTED = 50
"""Containers (``multipart/…``, ``message/…``): each is looked for in every line of what it holds."""


def to_seven_bit(content: bytes) -> bytes | None:
    """The message with its 8-bit parts in quoted-printable or base64; None when it cannot be done faithfully.

    Blocking for as long as it takes to parse: call it in a thread.
    """
    import email.generator
    import email.parser
    import email.policy
    import io

    if len(content) > MAX_CONVERSION or b"\x00" in content or _is_a_bomb(content):
        return None
    policy = email.policy.compat32.clone(linesep="\r\n", cte_type="7bit", max_line_length=998)
    message = email.parser.BytesParser(policy=policy).parsebytes(content)
    if any(not raw.isascii() for part in message.walk() for _, raw in part.raw_items()):
        return None
    for part in message.walk():
        encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
        if part.is_multipart():
            if encoding in ("8bit", "binary"):
                part.replace_header("Content-Transfer-Encoding", "7bit")
            continue
        payload = part.get_payload(decode=True)
        if encoding not in ("7bit", "8bit", "binary") or not isinstance(payload, bytes) or payload.isascii():
            continue
        _encode(part, payload)
    if "MIME-Version" not in message:
        message["MIME-Version"] = "1.0"
        if "Content-Type" not in message:
            message["Content-Type"] = "text/plain; charset=unknown-8bit"
    out = io.BytesIO()
    email.generator.BytesGenerator(out, mangle_from_=False, policy=policy).flatten(message)
    result = out.getvalue()
    return result if result.isascii() else None


def _is_a_bomb(content: bytes) -> bool:
    """Whether taking it apart would cost out of all proportion to its size. Counted without taking it apart."""
    lowered = content.lower()
    containers = lowered.count(b"multipart/")
    if containers + lowered.count(b"message/") > MAX_NESTED:
        return True
    return containers > 0 and content.count(b"\n--") > MAX_PARTS


def _encode(part: object, payload: bytes) -> None:
    import base64
    import binascii
    from email.message import Message

    assert isinstance(part, Message)  # noqa: S101 - what walk() yields
    del part["Content-Transfer-Encoding"]
    if part.get_content_maintype() == "text":
        encoded = binascii.b2a_qp(payload.replace(b"\r\n", b"\n"), istext=True).replace(b"\n", b"\r\n")
        part["Content-Transfer-Encoding"] = "quoted-printable"
    else:
        encoded = base64.encodebytes(payload).replace(b"\n", b"\r\n")
        part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(encoded.decode("ascii"))
