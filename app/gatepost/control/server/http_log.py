"""The HTTP server's own log: what is no HTTP request is the client's fault, and a line, not a traceback of ours.

Whoever reaches a port can send such things as often as they like.
"""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError

from ...relay.common.printable import printable

HTTP_LOG = logging.getLogger(__name__)
"""For every ``AppRunner``."""


def _in_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, HttpProcessingError):
        return True
    record.exc_info = None
    record.levelno, record.levelname = logging.INFO, "INFO"
    words = printable(error.message.partition("\n")[0], 100)
    record.msg, record.args = "refused what is no HTTP request (%s): %s", (type(error).__name__, words)
    return HTTP_LOG.isEnabledFor(logging.INFO)


HTTP_LOG.addFilter(_in_a_line)
