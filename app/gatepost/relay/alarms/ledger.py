"""Which trouble was told, and what is to be told now. Knows the time only from its caller."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...model.alarms import AlarmSettings
from ...model.report import Problem

GONE_SECONDS = 120.0
"""Trouble is over when it was not seen for this long: what comes and goes is one trouble."""
GAP_SECONDS = 300.0
"""Between two notices by mail, at least; what comes in between is told together."""
_AT_ONCE = frozenset({"waiting", "oldest", "refusals", "certificate", "spool", "journal", "sign-in"})
"""Kinds that have lasted long enough when they are reported."""


@dataclass(slots=True)
class Trouble:
    """``since`` is when it was first seen; ``mailed_at`` when it was last told by mail."""

    kind: str
    subject: str
    title: str
    detail: str = ""
    hint: str = ""
    since: float = 0.0
    seen_at: float = 0.0
    raised: bool = False
    """It has lasted for as long as its kind has to."""
    mailed_at: float | None = None
    was_mailed: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What one mail tells."""

    raised: tuple[Trouble, ...] = ()
    reminded: tuple[Trouble, ...] = ()
    cleared: tuple[Trouble, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.raised or self.reminded or self.cleared)


@dataclass(slots=True)
class Ledger:
    troubles: dict[str, Trouble] = field(default_factory=dict)
    cleared: list[Trouble] = field(default_factory=list)
    """Over, and not yet told."""
    mailed_at: float = 0.0

    def see(self, found: Iterable[Problem], limits: AlarmSettings, now: float) -> bool:
        """Take up what is wrong now. Answers whether what counts as raised is another than before."""
        before = self._raised()
        for problem in found:
            key = f"{problem.kind}|{problem.subject or problem.title}"
            known = self.troubles.get(key)
            if known is None:
                since = min(problem.since, now) if problem.since is not None and problem.kind == "gateway" else now
                known = self.troubles[key] = Trouble(problem.kind, problem.subject, problem.title, since=since)
            known.title, known.detail, known.hint = problem.title, problem.detail, problem.hint
            known.seen_at = now
            wait = _wait(problem.kind, limits)
            known.raised = known.raised or (wait is not None and now - known.since >= wait)
        for key, trouble in list(self.troubles.items()):
            if now - trouble.seen_at >= GONE_SECONDS or trouble.seen_at > now + GONE_SECONDS:
                del self.troubles[key]
                if trouble.was_mailed and limits.tell_cleared:
                    self.cleared.append(trouble)
        return self._raised() != before

    def active(self) -> list[Trouble]:
        """What is raised, the oldest first."""
        return sorted((one for one in self.troubles.values() if one.raised), key=lambda one: one.since)

    def due(self, limits: AlarmSettings, now: float) -> Notice:
        """What a mail should tell now; empty while there is nothing, at quiet hours, and soon after the last one."""
        if not limits.mail or is_quiet(limits, now) or 0 <= now - self.mailed_at < GAP_SECONDS:
            return Notice()
        active = self.active()
        raised = tuple(one for one in active if not one.was_mailed)
        after = limits.reminder_hours * 3600
        reminded = tuple(
            one for one in active if after and one.was_mailed and one.mailed_at is not None and now - one.mailed_at >= after
        )
        return Notice(raised, reminded, tuple(self.cleared))

    def told(self, notice: Notice, now: float) -> None:
        """The mail is in the spool."""
        for one in (*notice.raised, *notice.reminded):
            one.mailed_at, one.was_mailed = now, True
        self.cleared = [one for one in self.cleared if one not in notice.cleared]
        self.mailed_at = now

    def _raised(self) -> frozenset[tuple[str, str]]:
        return frozenset((key, one.title) for key, one in self.troubles.items() if one.raised)

    # --- over restarts ---

    def export(self) -> dict[str, Any]:
        return {
            "troubles": {key: asdict(one) for key, one in self.troubles.items() if one.was_mailed or one.raised},
            "cleared": [asdict(one) for one in self.cleared],
            "mailed_at": self.mailed_at,
        }

    def restore(self, data: Mapping[str, Any], now: float) -> None:
        """Raises TypeError, ValueError, KeyError or AttributeError for what ``export`` did not make."""
        troubles = {str(key): Trouble(**one) for key, one in data.get("troubles", {}).items()}
        for one in troubles.values():
            one.seen_at = now  # the time between does not count as gone
        self.cleared = [Trouble(**one) for one in data.get("cleared", [])]
        self.mailed_at = min(float(data.get("mailed_at", 0.0)), now)
        self.troubles = troubles


def _wait(kind: str, limits: AlarmSettings) -> float | None:
    """Seconds that trouble of this kind has to last; None: it is never raised."""
    if kind in _AT_ONCE:
        return 0.0
    if kind == "gateway":
        return limits.gateway_minutes * 60 or None
    if kind in ("capture", "faults"):
        return limits.capture_hours * 3600 or None
    return limits.other_minutes * 60 or None


def is_quiet(limits: AlarmSettings, now: float) -> bool:
    """Whether it is between the quiet hours' two ends, by this machine's clock; they may span midnight."""
    if limits.quiet_from is None or limits.quiet_until is None:
        return False
    clock = time.strftime("%H:%M", time.localtime(now))
    first, last = limits.quiet_from, limits.quiet_until
    return first <= clock < last if first <= last else clock >= first or clock < last
