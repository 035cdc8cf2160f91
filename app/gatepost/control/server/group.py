"""Access by group: members may call a service's control socket beside its own account and root.

The socket's mode (0660) lets the kernel ask for the group first; the uid at the other end is then looked up in the account
database, supplementary groups too, so that who was taken out of the group is out although an old session still has it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...model.errors import NotFound

if TYPE_CHECKING:
    from aiohttp import web

    from .guard import Authenticator, Caller

REMEMBERED_SECONDS = 10.0
MAX_REMEMBERED = 1000


@dataclass(slots=True)
class Group:
    name: str
    gid: int
    monotonic: Callable[[], float] = time.monotonic
    _known: dict[int, tuple[float, bool]] = field(default_factory=dict)

    def authenticator(self) -> Authenticator:
        from .guard import Caller, account, peer_of  # with aiohttp: once somebody calls

        async def authenticate(request: web.Request) -> Caller | None:
            uid = peer_of(request)
            return Caller(account(uid)) if uid is not None and await self.has(uid) else None

        return authenticate

    async def has(self, uid: int) -> bool:
        """Whether the account is a member. Asks off the loop (the database may be a server) and remembers it shortly."""
        until, is_member = self._known.get(uid, (0.0, False))
        now = self.monotonic()
        if now < until:
            return is_member
        is_member = await asyncio.to_thread(is_member_of, uid, self.gid)
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[uid] = (now + REMEMBERED_SECONDS, is_member)
        return is_member

    def words(self) -> tuple[str, str]:
        return (
            f"It answers to its own account, to root and to members of the group {self.name}.",
            f"An administrator lets you in: sudo usermod -aG {self.name} YOUR-ACCOUNT.",
        )


def find_group(name: str) -> Group:
    """Blocking. Raises NotFound."""
    try:
        import grp

        return Group(name, grp.getgrnam(name).gr_gid)
    except ImportError:
        raise NotFound("This system has no access by group for the control pipe.", "", "Leave --access-group out.") from None
    except KeyError:
        raise NotFound(f"There is no group “{name}”.", "", f"Make it: sudo groupadd --system {name}") from None


def is_member_of(uid: int, gid: int) -> bool:
    """By the account database: primary and supplementary groups. Blocking."""
    import pwd

    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        return False
    return gid in os.getgrouplist(found.pw_name, found.pw_gid)
