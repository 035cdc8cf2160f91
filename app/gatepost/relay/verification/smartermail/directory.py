"""What one domain of a SmarterMail server holds, and what that says of an address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DomainDirectory:
    """Local parts in lower case. ``aliases_of_domain`` are other names of the same domain."""

    domain: str
    enabled: bool = True
    users: frozenset[str] = frozenset()
    disabled_users: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    mailing_lists: frozenset[str] = frozenset()
    aliases_of_domain: frozenset[str] = frozenset()
    has_catch_all: bool = False

    def knows(self, local_part: str) -> bool:
        """Whether mail for ``local_part`` has somebody to take it.

        ``user+tag`` counts as ``user``; disabled users do not take mail; a catch-all takes everything else.
        """
        if not self.enabled:
            return False
        local = local_part.lower()
        plain = local.partition("+")[0]
        if local in self.disabled_users or (plain in self.disabled_users and local not in self.aliases):
            return False
        return (
            local in self.users
            or local in self.aliases
            or local in self.mailing_lists
            or plain in self.users
            or self.has_catch_all
        )

    @property
    def address_count(self) -> int:
        return len(self.users) + len(self.aliases) + len(self.mailing_lists)


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """The other server's spool: ``total``, and by kind where the interface tells kinds."""

    total: int
    by_kind: tuple[tuple[str, int], ...] = ()


def local_part_of(entry: str, domain: str) -> str:
    """The local part of a user name or an address of ``domain``, in lower case; empty when it is of another domain."""
    local, at, found = entry.strip().lower().rpartition("@")
    if not at:
        return found
    return local if found == domain.lower() else ""
