"""The only changes that inspection makes to a message: fields on top, forged fields out, a prefix on the subject.

Everything else stays octet for octet, so that signatures over it still verify.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from .message import header_end

FORGEABLE = frozenset({"x-gatepost-spam", "x-gatepost-virus", "x-smartermail-totalspamweight", "x-smartermail-spam"})
"""Written by us or by the primary: never believed, never passed on from a sender who is not trusted."""

_SUBJECT = re.compile(rb"subject[ \t]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HeadEdit:
    """``prepend`` are whole fields with line ends, in the order in which they shall stand."""

    prepend: tuple[bytes, ...] = ()
    remove: frozenset[str] = frozenset()
    remove_results_of: frozenset[str] = frozenset()
    """Authentication-Results fields under these names are forged: ours (RFC 8601 §5)."""
    subject_prefix: str = field(default="")

    @property
    def changes_nothing(self) -> bool:
        return not (self.prepend or self.remove or self.remove_results_of or self.subject_prefix)

    def with_field(self, text: str) -> HeadEdit:
        name, _, value = text.partition(":")
        return replace(self, prepend=(*self.prepend, f"{name.strip()}: {value.strip()}\r\n".encode("ascii", "replace")))

    def with_subject_prefix(self, text: str) -> HeadEdit:
        return replace(self, subject_prefix=text)

    def apply(self, content: bytes) -> tuple[bytes, int]:
        """The new header, and the length of the old one that it stands for.

        ``content`` holds at least the whole header, or as much of it as is looked at; what follows is untouched.
        """
        end = header_end(content)
        head = content[:end]
        kept = [raw for raw in _raw_fields(head) if not self._is_forged(raw)]
        if self.subject_prefix:
            kept = self._prefixed(kept)
        return b"".join((*self.prepend, *kept)), end

    def _is_forged(self, raw: bytes) -> bool:
        name = raw.partition(b":")[0].strip().lower().decode("ascii", "replace")
        if name in self.remove:
            return True
        if name == "authentication-results" and self.remove_results_of:
            value = b" ".join(raw.partition(b":")[2].split())
            server = re.split(rb"[;\s]", value, maxsplit=1)[0].decode("ascii", "replace").strip('"').lower()
            return server in self.remove_results_of
        return False

    def _prefixed(self, fields: list[bytes]) -> list[bytes]:
        prefix = _encoded(self.subject_prefix)
        result: list[bytes] = []
        done = False
        for raw in fields:
            match = _SUBJECT.match(raw)
            if match is not None and not done:
                done = True
                rest = raw[match.end() :]
                # An encoded word needs white space before it, and keeps its own folding: the old value is not touched.
                raw = raw[: match.end()] + b" " + prefix + b" " + rest.lstrip(b" \t")
            result.append(raw)
        if not done:
            result.append(b"Subject: " + prefix + b"\r\n")
        return result


NO_EDIT = HeadEdit()


def _raw_fields(head: bytes) -> list[bytes]:
    fields: list[list[bytes]] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1].append(line)
        elif line:
            fields.append([line])
    return [b"\r\n".join((*lines, b"")) for lines in fields]


def _encoded(text: str) -> bytes:
    if text.isascii():
        return text.encode("ascii")
    from email.header import Header

    return Header(text, "utf-8").encode().replace("\n", "\r\n").encode("ascii")
