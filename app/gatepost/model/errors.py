"""The errors that a person is meant to read."""

from __future__ import annotations

from dataclasses import dataclass


class GatepostError(Exception):
    """An expected failure: what happened, why, and the way out.

    ``title`` is one short sentence, ``detail`` the cause in plain words, ``hint`` what to do about it. None of them
    ever holds a secret. ``status`` is the HTTP status that the control API answers with, ``exit_code`` the command
    line's.
    """

    status: int = 400
    exit_code: int = 1
    code: str = "error"

    def __init__(self, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return " ".join(part for part in (self.title, self.detail, self.hint) if part)


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with one field. ``field`` is a dotted path such as ``gateways.2.port``; empty for the whole."""

    field: str
    message: str
    code: str = "invalid"


class InvalidInput(GatepostError):
    """A value was refused; nothing was changed. Holds every issue, by field."""

    status = 422
    exit_code = 3
    code = "invalid"

    def __init__(self, issues: list[Issue], title: str = "Some fields are not right.") -> None:
        detail = "; ".join(f"{i.field}: {i.message}" if i.field else i.message for i in issues)
        super().__init__(title, detail)
        self.issues = issues


class NotFound(GatepostError):
    """The object that was named does not exist."""

    status = 404
    exit_code = 4
    code = "not-found"


class Conflict(GatepostError):
    """Somebody else changed it meanwhile, or the state does not allow the action."""

    status = 409
    exit_code = 5
    code = "conflict"


class Unavailable(GatepostError):
    """Something needed is not reachable now: the relay, the keyring, the disk."""

    status = 503
    exit_code = 6
    code = "unavailable"
