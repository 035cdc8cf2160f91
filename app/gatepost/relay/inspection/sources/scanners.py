"""Content scanners: SpamAssassin's spamd and rspamd. Each gives a score of its own, times the weight that it is given."""

from __future__ import annotations

import json
from typing import Any

from ....model.spam import RspamdSource, SpamdSource
from ...common.printable import printable
from ..message import Specimen
from ..scoring import Points
from .failure import SourceFailed

SHOWN_SYMBOLS = 8
MAX_ANSWER = 1_000_000


async def spamd(specimen: Specimen, source: SpamdSource, max_bytes: int) -> Points:
    """SpamAssassin's SYMBOLS command. Larger messages are judged by their first ``max_bytes``."""
    import aiospamc
    from aiospamc.exceptions import AIOSpamcConnectionFailed, BadResponse, ClientTimeoutException
    from loguru import logger

    logger.disable("aiospamc")  # it logs whole requests, and with them the mail
    try:
        response = await aiospamc.symbols(await specimen.first(max_bytes), host=source.host, port=source.port)
    except (AIOSpamcConnectionFailed, ClientTimeoutException, BadResponse, OSError, RuntimeError) as error:
        # RuntimeError: what uvloop says of writing to a connection that the other side has closed
        raise SourceFailed(printable(f"{type(error).__name__}: {error}", 200)) from error
    if response.status_code != 0:
        raise SourceFailed(f"spamd answered status {int(response.status_code)}")
    spam = response.headers.spam
    if spam is None:
        raise SourceFailed("spamd sent no score")
    symbols = [name for name in printable(response.body, 2000).replace(" ", "").split(",") if name]
    return Points("spamd", spam.score * source.weight, _shown(spam.score, source.weight, symbols))


async def rspamd(specimen: Specimen, source: RspamdSource, max_bytes: int) -> Points:
    """rspamd's ``/checkv2``, told the envelope and the client."""
    import aiohttp

    origin = specimen.envelope.origin
    headers = {"From": specimen.envelope.sender, "IP": origin.client, "Helo": origin.helo, "User": origin.user}
    recipients = [("Rcpt", recipient.address) for recipient in specimen.envelope.recipients[:100]]
    sent = [(name, printable(value, 300)) for name, value in [*headers.items(), *recipients] if value and value.isascii()]
    try:
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.post(
                f"http://{_bracketed(source.host)}:{source.port}/checkv2",
                data=await specimen.first(max_bytes),
                headers=sent,
                allow_redirects=False,
            ) as response,
        ):
            answer = await response.content.read(MAX_ANSWER)
            if response.status != 200:
                raise SourceFailed(f"rspamd answered HTTP status {response.status}")
    except (aiohttp.ClientError, OSError) as error:
        raise SourceFailed(printable(f"{type(error).__name__}: {error}", 200)) from error
    score, symbols = _rspamd_score(answer)
    return Points("rspamd", score * source.weight, _shown(score, source.weight, symbols))


def _rspamd_score(answer: bytes) -> tuple[float, list[str]]:
    try:
        found: Any = json.loads(answer)
        score = float(found["score"])
        symbols = {str(name): float(item.get("score", 0)) for name, item in (found.get("symbols") or {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceFailed("rspamd's answer cannot be read") from error
    telling = sorted((name for name, points in symbols.items() if points), key=lambda name: -abs(symbols[name]))
    return score, telling


def _shown(score: float, weight: float, symbols: list[str]) -> str:
    names = " ".join(printable(name, 60) for name in symbols[:SHOWN_SYMBOLS])
    return f"{score:.1f} × {weight:g}" + (f": {names}" if names else "")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
