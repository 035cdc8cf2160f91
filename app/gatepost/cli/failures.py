"""What went wrong with a command, told once: in words for a person, in JSON for a program."""

from __future__ import annotations

import json
import sys
import traceback

from ..model.errors import GatepostError, InvalidInput, Issue
from .exit_codes import ExitCode


class Misused(GatepostError):
    """The command line itself is wrong."""

    code = "usage"
    exit_code = ExitCode.USAGE


class ProgramFault(GatepostError):
    """Nobody expected this: a fault of the program."""

    code = "internal"


def in_words(error: Exception) -> GatepostError:
    """Any exception as something that a person can read; of one that nobody expected, its kind and its place. Its own words
    stay away: they may quote what was typed, passwords too."""
    if isinstance(error, GatepostError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return Misused("What was given is not text.", "The command line holds octets that are not valid UTF-8.")
    if isinstance(error, UnicodeDecodeError):
        return InvalidInput([Issue("", "it is not valid UTF-8")], "What was read is not text.")
    if isinstance(error, OSError):
        return _of_the_system(error)
    return _refused(error) or _fault(error)


def _of_the_system(error: OSError) -> GatepostError:
    words = error.strerror or type(error).__name__
    if error.filename is None:
        return GatepostError("The command could not be carried out.", f"{words}.")
    return GatepostError("A file cannot be used.", f"{error.filename}: {words}")


def _refused(error: Exception) -> InvalidInput | None:
    """A value that a request to the relay cannot even hold."""
    if (pydantic := sys.modules.get("pydantic")) is None or not isinstance(error, pydantic.ValidationError):
        return None
    from ..model.issues import issues_of

    return InvalidInput(issues_of(error, None))


def _fault(error: Exception) -> ProgramFault:
    place = traceback.extract_tb(error.__traceback__)[-1]
    detail = f"{type(error).__name__} in {place.filename}, line {place.lineno}."
    return ProgramFault(
        "Something unexpected happened: this is a fault of Gatepost.", detail, "Please report it with this line."
    )


def tell(error: GatepostError, *, as_json: bool) -> None:
    """To standard error: title, cause, every field's issue, and the way out."""
    from .output import clean

    issues = error.issues if isinstance(error, InvalidInput) else []
    if as_json:
        body = {
            "code": error.code,
            "title": error.title,
            "detail": error.detail,
            "hint": error.hint,
            "issues": [{"field": i.field, "message": i.message, "code": i.code} for i in issues],
        }
        print(json.dumps({"error": body}, ensure_ascii=True), file=sys.stderr)
        return
    lines = [f"gatepost: {error.title}"]
    if issues:
        lines += [f"  {issue.field}: {issue.message}" if issue.field else f"  {issue.message}" for issue in issues]
    elif error.detail:
        lines.append(f"  {error.detail}")
    if error.hint:
        lines.append(f"  {error.hint}")
    print("\n".join(clean(line) for line in lines), file=sys.stderr)
