"""Where message data ends, in chunks of any size (RFC 5321 §4.5.2): CR LF . CR LF and nothing else."""

from __future__ import annotations

_END = b"\r\n.\r\n"
_DOT = b"\r\n."


class DotReader:
    """Finds the end of DATA and removes the dots that the client put in.

    ``feed`` gives the octets that are certain now. A segment never ends within a CR LF, nor within anything that may
    still turn out to be a stuffed dot or the end: at most four octets are kept back. So whoever checks line ends can look
    at each segment by itself.
    """

    __slots__ = ("_at_start", "_held")

    def __init__(self) -> None:
        self._held = b"\r\n"  # the line end that DATA's own command line gave
        self._at_start = True

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """(content, rest). ``rest`` is None until the end was found, then whatever came behind it."""
        buffer = self._held + data
        # Encoded attachments, most of what is large, have no dots at all; most messages have one at a line's start, the last.
        dot = buffer.find(_DOT) if b"." in buffer else -1
        end = dot if dot < 0 or buffer.startswith(_END, dot) else buffer.find(_END, dot)
        rest: bytes | None = None
        if end >= 0:
            rest = buffer[end + 5 :]
            segment = buffer[: end + 2]
        else:
            cut = buffer.find(b"\r", max(len(buffer) - 4, 0))
            if cut < 0:
                segment, self._held = buffer, b""
            else:
                segment, self._held = buffer[:cut], buffer[cut:]
        if 0 <= dot <= len(segment) - len(_DOT):
            segment = segment.replace(_DOT, b"\r\n")
        if self._at_start and segment:
            self._at_start = False
            segment = segment[2:]
        return segment, rest


class ChunkReader:
    """The counterpart for BDAT (RFC 3030): knows sizes, not dots. Keeps a CR back until its LF has come."""

    __slots__ = ("_held", "remaining")

    def __init__(self) -> None:
        self._held = b""
        self.remaining = 0
        """Octets of the present chunk that have not come yet."""

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """(content, rest). ``rest`` is None until the chunk is complete."""
        rest: bytes | None = None
        if len(data) >= self.remaining:
            rest = data[self.remaining :]
            data = data[: self.remaining]
        self.remaining -= len(data)
        segment = self._held + data if self._held else data
        self._held = b""
        if segment.endswith(b"\r"):
            segment, self._held = segment[:-1], b"\r"
        return segment, rest

    def finish(self) -> bytes:
        """What was kept back, when no chunk follows."""
        held, self._held = self._held, b""
        return held
