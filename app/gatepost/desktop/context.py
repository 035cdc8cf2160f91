"""What every page is given: the way to the relay, to the person, and to other pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .messages import Messages
from .preferences import Preferences
from .session import RelaySession
from .tasks import Tasks


def _nowhere(page: str, **_arguments: Any) -> None:
    raise RuntimeError(f"there is no window to show {page} in")


@dataclass(slots=True)
class AppContext:
    session: RelaySession
    messages: Messages
    tasks: Tasks
    preferences: Preferences
    navigate: Callable[..., None] = field(default=_nowhere)
    """``navigate(page_key, **arguments)``: show a page and hand it ``enter(**arguments)``. The window sets it."""
    place_key: str = ""
    """Which relay is administered, as ``relay_chooser`` names it: "" for this computer's."""
