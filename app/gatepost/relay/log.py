"""Logging of the relay process: one event a line, to a rotating file in the data folder and to standard error."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

from .common.printable import printable

LOG_BYTES = 5_000_000
LOG_FILES = 5


class OneLineFormatter(logging.Formatter):
    """Keeps an event on one line; only a traceback of our own adds lines, indented."""

    def format(self, record: logging.LogRecord) -> str:
        message = printable(record.getMessage(), 2000)
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.name.removeprefix('gatepost.')}: {message}"
        if record.exc_info:
            traceback = self.formatException(record.exc_info)
            line += "".join(f"\n    {printable(part, 2000)}" for part in traceback.splitlines())
        return line


def set_up_logging(folder: Path, level: str, *, to_stderr: bool) -> None:
    root = logging.getLogger()
    root.setLevel(level.upper())
    formatter = OneLineFormatter()
    file = logging.handlers.RotatingFileHandler(
        folder / "relay.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True
    )
    handlers: list[logging.Handler] = [file]
    if to_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    # The libraries speak for each connection and command; what matters of it stands in the journal.
    for noisy in ("mail.log", "aiosmtplib", "aiohttp.access", "peewee", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
