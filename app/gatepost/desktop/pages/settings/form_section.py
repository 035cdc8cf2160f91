"""A section that is one form over a part of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...cards import Banner, Tone
from ...forms import Form, FormModel, Outcome, save
from ...forms.wording import words
from ...i18n import ntr, tr
from .fields import Fields, part_of
from .section import Section

if TYPE_CHECKING:
    from ....control.client import Tagged
    from ....control.schema import Saved
    from ..page import Page


class FormSection(Section):
    """``name`` is the part of the configuration (``settings``, ``spam`` or ``virus``), ``parts`` which of its fields are shown
    here, or empty for all. ``kind`` validates what is shown."""

    def __init__(self, page: Page, title: str, subtitle: str, kind: Any, name: str, *parts: str) -> None:
        super().__init__(page, title, subtitle)
        self._name = name
        self._parts = parts
        self.model = FormModel(kind)
        self.form = Form(self.model, self)
        self.fields = Fields(self.form)
        self._refusal = ""
        self.build()
        self.stray = Banner(Tone.BAD)
        self.stray.hide()
        self.body.add(self.stray)
        self.form.changed.connect(self._changed)

    def build(self) -> None:
        """The cards. A subclass overrides it."""
        raise NotImplementedError

    def follow(self) -> None:
        """Show and hide what depends on other fields. A subclass overrides it where it has such."""

    @property
    def has_draft(self) -> bool:
        return self.model.is_dirty

    @property
    def refusal(self) -> str:
        return self._refusal if self.model.shown_issues else ""

    async def load(self) -> None:
        if self.has_draft:
            return
        found = await self._read()
        if not self.has_draft:  # nobody has begun one meanwhile
            self.model.load(found.value, found.revision)
            self.form.refresh()

    def revert(self) -> None:
        self._refusal = ""
        self.model.revert()
        self.form.refresh()

    async def save(self) -> bool:
        outcome = await save(self, self.model, self._send, self._read)
        self._refusal = ""
        if outcome is Outcome.REFUSED:
            self.form.jump_to_first_issue()
            self._refusal = refusal_words(self.form)
        else:
            self.form.refresh()
        self.draft_changed.emit()
        return not self.has_draft

    async def _read(self) -> Tagged:
        from ....control.client import Tagged

        found = await self.context.session.client.section(self._name)
        return Tagged(part_of(found.value, self._parts), found.revision) if self._parts else found

    async def _send(self, candidate: dict[str, Any], revision: int | None) -> Saved:
        client = self.context.session.client
        if self._parts:
            return _without_object(await client.patch_section(self._name, candidate, revision=revision))
        return await client.replace_section(self._name, candidate, revision=revision)

    def _changed(self) -> None:
        stray = self.form.stray_issues
        self.stray.setVisible(bool(stray))
        if stray:
            self.stray.tell(Tone.BAD, tr("This cannot be saved."), "\n".join(words(issue) for issue in stray))
        self.follow()
        self.draft_changed.emit()


def _without_object(saved: Saved) -> Saved:
    """The answer holds the whole section; the form goes on with what it sent, which is a part of it."""
    return saved.model_copy(update={"object": None})


def refusal_words(form: Form) -> str:
    captions = tuple(dict.fromkeys(form.wrong_captions))
    if captions:
        return ntr(
            "{n} field is not right: {names}", "{n} fields are not right: {names}", len(captions), names=", ".join(captions)
        )
    return tr("Not saved")
