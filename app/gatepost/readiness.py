"""Tells the service manager that started the relay how far it is: systemd's ``sd_notify(3)`` protocol, ``Type=notify``."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable

log = logging.getLogger(__name__)

READY = "READY=1"
"""It listens, and clients find it."""
STOPPING = "STOPPING=1"
"""It finishes what it holds."""


_listeners: list[Callable[[], None]] = []


def on_ready(listener: Callable[[], None]) -> None:
    """For managers that are told in another way: call ``listener`` when the relay is ready."""
    _listeners.append(listener)


def tell_manager(state: str) -> None:
    """Say ``state`` to whoever waits at ``$NOTIFY_SOCKET``; nobody does when the relay was started in another way."""
    if state == READY:
        for listener in _listeners:
            listener()
    address = os.environ.get("NOTIFY_SOCKET", "")
    if sys.platform == "win32" or not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # Linux' abstract names
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.connect(address)
            manager.send(state.encode())
    except OSError as error:
        log.warning("the service manager was not told %s: %s", state, error.strerror)
