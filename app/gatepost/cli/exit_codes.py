"""What a command's exit code says."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    DONE = 0
    ERROR = 1
    USAGE = 2
    INVALID = 3
    NOT_FOUND = 4
    CONFLICT = 5
    UNAVAILABLE = 6
    VERIFY_FAILED = 7
    INTERRUPTED = 130


WORDS = {
    ExitCode.DONE: "done",
    ExitCode.ERROR: "it did not work; the message says why",
    ExitCode.USAGE: "the command line was wrong: unknown option, missing argument, a question that nobody could answer",
    ExitCode.INVALID: "a value was refused and nothing was changed; each field is named",
    ExitCode.NOT_FOUND: "what was named does not exist",
    ExitCode.CONFLICT: "somebody else changed it meanwhile, or the state does not allow it",
    ExitCode.UNAVAILABLE: "the relay does not run, or its vault, disk or name servers are not available now",
    ExitCode.VERIFY_FAILED: "Verify Connection failed; nothing was saved unless --save-anyway was given",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
}


class ServiceCode(IntEnum):
    """What ``gatepost service status`` says, as ``systemctl status`` does (LSB, “init script actions”)."""

    RUNNING = 0
    NOT_RUNNING = 3
    UNKNOWN = 4


SERVICE_WORDS = {
    ServiceCode.RUNNING: "it runs",
    ServiceCode.NOT_RUNNING: "it does not run: stopped, failed, or not ready yet",
    ServiceCode.UNKNOWN: "it is not installed, or the system's manager cannot say",
}
