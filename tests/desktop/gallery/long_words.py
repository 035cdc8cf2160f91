"""A language whose every text is 40 % longer than the English one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gatepost.desktop import i18n

_MORE = (
    "lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor invidunt ut labore et dolore magna"
)


class LongWords:
    """In place of a catalogue."""

    def single(self, text: str) -> str:
        return longer(text)

    def plural(self, one: str, n: int) -> str:
        return ""


def longer(text: str) -> str:
    wanted = max(2, round(len(text) * 0.4))
    more = (f"{_MORE} " * (wanted // len(_MORE) + 1))[: wanted - 1].strip()
    return f"{text} {more}"


@contextmanager
def long_words() -> Iterator[None]:
    before = i18n._catalogue
    i18n._catalogue = LongWords()  # type: ignore[assignment]
    try:
        yield
    finally:
        i18n._catalogue = before
