"""The address list: typed addresses and a file with one address a line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from ...model.address import AddressError, parse_mailbox
from ..common.printable import printable
from .verdict import RecipientState, RecipientVerdict

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 64_000_000
SOURCE = "address list"


class AddressList:
    """Valid addresses in lower case. The file is read again when it changes; an unreadable or empty file answers “unknown”."""

    def __init__(self, addresses: Iterable[str], file: str) -> None:
        self._typed = frozenset(address.lower() for address in addresses)
        self._file = Path(file) if file else None
        self._stamp: tuple[int, int] | None = None
        self._from_file: frozenset[str] = frozenset()

    async def verdict(self, address: str) -> RecipientVerdict:
        lowered = address.lower()
        plain = _without_tag(lowered)
        if lowered in self._typed or plain in self._typed:
            return RecipientVerdict(RecipientState.VALID, SOURCE)
        if self._file is not None:
            try:
                await asyncio.to_thread(self._read_if_changed, self._file)
            except OSError as error:
                reason = f"the file cannot be read: {error.strerror}"
                log.warning("address list %s: %s", self._file, reason)
                return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, reason)
            if lowered in self._from_file or plain in self._from_file:
                return RecipientVerdict(RecipientState.VALID, SOURCE)
            if not self._from_file and not self._typed:
                # As while a program writes it anew: nobody keeps a list to refuse everybody.
                return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, "the file holds no address")
        return RecipientVerdict(RecipientState.INVALID, SOURCE, "not on the list")

    def _read_if_changed(self, file: Path) -> None:
        found = file.stat()
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp == self._stamp:
            return
        if found.st_size > MAX_FILE_BYTES:
            raise OSError(27, f"larger than {MAX_FILE_BYTES:,} octets")
        addresses: set[str] = set()
        with file.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                text = line.partition("#")[0].strip()
                if not text:
                    continue
                try:
                    addresses.add(str(parse_mailbox(text)).lower())
                except AddressError as error:
                    log.warning("address list %s, line %d: %s: %s", file, number, printable(text, 100), error)
        self._from_file = frozenset(addresses)
        self._stamp = stamp


def _without_tag(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain
