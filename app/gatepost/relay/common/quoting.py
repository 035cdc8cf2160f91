"""What others say is shown and kept, so it must not quote the secret that they were sent."""

from __future__ import annotations

from base64 import b64encode

from ...model.secret import Secret

QUOTED = "(its words are not shown: they quoted the password)"


class Quotes:
    """Knows how others may quote the secrets that they were sent: plainly, or in base64 wherever that began."""

    __slots__ = ("_forms",)

    def __init__(self, *secrets: Secret) -> None:
        self._forms: list[str] = []
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: Secret) -> None:
        """Call it before the secret is sent."""
        octets = secret.reveal().encode()
        self._forms += (secret.reveal(), b64encode(octets).decode())
        for shift in range(3):  # base64 of something that holds it, without the digits that its neighbours share
            inner = b64encode(b"\0" * shift + octets).decode()[4 if shift else 0 : -4]
            if len(inner) >= 8:
                self._forms.append(inner)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def are_in(self, text: str | bytes) -> bool:
        if not self._forms:
            return False
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        joined = "".join(text.split())
        return any(form in text or form in joined for form in self._forms)

    def left_out(self, text: str) -> str:
        """``text``, or other words where it quotes."""
        return QUOTED if self.are_in(text) else text


def unquoted(text: str, *secrets: Secret) -> str:
    """``text``, or other words where it quotes one of ``secrets``."""
    return Quotes(*secrets).left_out(text)
