"""One object that is being edited: as it was, as it is now, what was touched, what is wrong. No Qt in here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...model.errors import Issue
from ...model.issues import issues_of

Plain = dict[str, Any]
Project = Callable[[Plain], Plain]


class FormModel:
    """``kind`` is what the object is validated as: a model, or an annotation such as ``Gateway``.

    ``draft`` may hold more than the object has: what was typed into fields that the chosen mode does not show is kept there.
    ``project`` says what of it belongs to the object, and is all that validation, dirtiness and saving look at.
    """

    def __init__(self, kind: Any, project: Project | None = None) -> None:
        self._kind = kind
        self._project: Project = project or (lambda draft: draft)
        self._listeners: list[Callable[[], None]] = []
        self.loads = 0
        """Counts them: who waited for something can tell whether the form shows another object by now."""
        self.load({}, None)

    # --- contents ---

    def load(self, original: Plain, revision: int | None, *, is_new: bool = False) -> None:
        """Begin with this; whatever was typed before is forgotten. ``revision`` of the configuration it was read from."""
        self.loads += 1
        self.original: Plain = deepcopy(original)
        self.draft: Plain = deepcopy(original)
        self.revision = revision
        self.is_new = is_new
        self._touched: set[str] = set()
        self._shows_all = False
        self._remote: tuple[Issue, ...] = ()
        self._local: tuple[Issue, ...] = ()
        self._begin()
        self._validate()
        self._tell()

    def _begin(self) -> None:
        """For kinds of objects whose draft holds more than the object: put it there."""

    def rebase(self, original: Plain, revision: int) -> None:
        """The object as it is now on the relay: the draft stays as it is."""
        self.original = deepcopy(original)
        self.revision = revision
        self._tell()

    def saved(self, sent: Plain, kept: Plain, revision: int) -> None:
        """It was saved, and ``kept`` is what the relay made of it. What was typed since it was ``sent`` is the draft now."""
        typed = dict(_differing(sent, self.candidate()))
        self.load(kept, revision)
        for path, value in typed.items():
            self.set(path, value)

    def revert(self) -> None:
        self.load(self.original, self.revision, is_new=self.is_new)

    def get(self, path: str, default: Any = None) -> Any:
        found: Any = self.draft
        for part in path.split("."):
            if not isinstance(found, dict) or part not in found:
                return default
            found = found[part]
        return found

    def set(self, path: str, value: Any) -> None:
        """The person changed a field, or the form followed another one."""
        *parents, last = path.split(".")
        target = self.draft
        for part in parents:
            if not isinstance(target.get(part), dict):
                target[part] = {}
            target = target[part]
        if last in target and target[last] == value and type(target[last]) is type(value):
            return
        target[last] = value
        # What the relay said about this field was said about another value.
        self._remote = tuple(issue for issue in self._remote if not _is_within(issue.field, path))
        self._validate()
        self._tell()

    def candidate(self) -> Plain:
        """The object as it would be saved."""
        return deepcopy(self._project(self.draft))

    @property
    def is_dirty(self) -> bool:
        """By value: what was changed and changed back is not dirty."""
        return self._project(self.draft) != self._project(self.original)

    # --- what is wrong ---

    def touch(self, path: str) -> None:
        """The field was left: what is wrong with it may be said now."""
        if path not in self._touched:
            self._touched.add(path)
            self._tell()

    def show_all(self) -> None:
        """Saving was tried: everything that is wrong may be said."""
        self._shows_all = True
        self._tell()

    def merge(self, issues: Iterable[Issue]) -> None:
        """What the relay refused. Shown until the field is changed."""
        self._remote = tuple(issues)
        self._tell()

    def settle(self, path: str) -> None:
        """What the relay said of a field that is not part of the draft (a password) was said about another value."""
        left = tuple(issue for issue in self._remote if not _is_within(issue.field, path))
        if left != self._remote:
            self._remote = left
            self._tell()

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Everything that is wrong, shown or not; one for each field, what the relay said first."""
        found: dict[str, Issue] = {}
        for issue in (*self._remote, *self._local):
            found.setdefault(issue.field, issue)
        return tuple(found.values())

    @property
    def shown_issues(self) -> tuple[Issue, ...]:
        """What may be said: of fields that were left, of all after saving was tried, and all that the relay said."""
        return tuple(issue for issue in self.issues if self._may_show(issue))

    @property
    def is_valid(self) -> bool:
        return not self._local

    def shown_at(self, path: str) -> tuple[Issue, ...]:
        """The shown issues of a field, and of the values in it."""
        return tuple(issue for issue in self.shown_issues if _is_within(issue.field, path))

    def _may_show(self, issue: Issue) -> bool:
        return self._shows_all or issue in self._remote or any(_is_within(issue.field, path) for path in self._touched)

    def _validate(self) -> None:
        if not self.original and not self.draft:
            self._local = ()
            return
        try:
            _adapter(self._kind).validate_python(self.candidate())
        except ValidationError as error:
            self._local = tuple(issues_of(error, self._kind))
        else:
            self._local = ()

    # --- who listens ---

    def listen(self, listener: Callable[[], None]) -> None:
        """Called after each change of the draft or of what is shown."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _differing(before: Plain, now: Plain, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Paths whose values are others now, each with its value. A list is one value."""
    for name, value in now.items():
        was = before.get(name)
        if isinstance(value, dict) and isinstance(was, dict):
            yield from _differing(was, value, f"{prefix}{name}.")
        elif value != was:
            yield f"{prefix}{name}", deepcopy(value)


def _is_within(field: str, path: str) -> bool:
    """Whether an issue's field is ``path`` itself or lies inside it (``domains.3`` in ``domains``)."""
    return field == path or field.startswith(f"{path}.")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
