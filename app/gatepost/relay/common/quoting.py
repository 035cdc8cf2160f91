"""What others say is shown and kept, so it must not quote the secret that they were sent."""

from __future__ import annotations

from base64 import b64encode

from ...model.secret import Secret

QUOTED = "(its words are not shown: they quoted the password)"


def unquoted(text: str, *secrets: Secret) -> str:
    """``text``, or other words where it quotes one of ``secrets``, plainly or in base64 wherever that began."""
    joined = "".join(text.split())
    for secret in secrets:
        octets = secret.reveal().encode()
        forms = [secret.reveal(), b64encode(octets).decode()]
        for shift in range(3):  # base64 of something that holds it, without the digits that its neighbours share
            inner = b64encode(b"\0" * shift + octets).decode()[4 if shift else 0 : -4]
            if len(inner) >= 8:
                forms.append(inner)
        if any(form in text or form in joined for form in forms):
            return QUOTED
    return text
