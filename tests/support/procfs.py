"""What Linux says about a process and its descendants: processor time and memory. Sizes are octets, times seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()  # from "state" (field 3) on; the name before may hold anything


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that has ended and only waits to be collected is none."""
    stat = _stat(pid)
    return stat is not None and stat[0] != "Z"


def parent(pid: int) -> int:
    """The process that started it."""
    stat = _stat(pid)
    assert stat is not None, f"no process {pid}"
    return int(stat[1])


def tree(pid: int) -> list[int]:
    """The process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if fields is not None:
                children.setdefault(int(fields[1]), []).append(int(entry))

    def walk(one: int) -> Iterator[int]:
        yield one
        for child in children.get(one, ()):
            yield from walk(child)

    return list(walk(pid))


def processor_seconds(pid: int) -> float:
    """User and system time of the whole tree, short-lived members included.

    A process that ended is counted with its parent from the moment the parent has waited for it (cutime, cstime), so the
    sum over the living tree misses only what ended and was not waited for yet.
    """
    ticks = 0
    for one in tree(pid):
        fields = _stat(one)
        if fields is not None:
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / _TICK


def resident(pid: int) -> int:
    """Resident memory of one process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def resident_of_tree(pid: int) -> int:
    """Sum over the tree; pages that several processes share are counted once for each."""
    return sum(resident(one) for one in tree(pid))


def proportional_of_tree(pid: int) -> int:
    """Sum over the tree with each shared page divided among those who share it (PSS): what the tree really takes."""
    return sum(_proportional(one) for one in tree(pid))


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def reset_peak(pid: int) -> None:
    """Let ``peak_resident`` start again from what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def peak_resident(pid: int) -> int:
    """The most memory resident since the start or the last ``reset_peak``."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"/proc/{pid}/status has no VmHWM")


def busy_seconds() -> float:
    """What all processors together have worked since the machine started, for whomever."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _wait, interrupts, soft, stolen = (int(field) for field in file.readline().split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / _TICK
