"""Settings → Appearance: of this app, on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...cards import Card, ChoiceField, FieldRow
from ...i18n import LANGUAGES, tr
from ...preferences import TEXT_SIZES, Theme
from .section import Section

if TYPE_CHECKING:
    from ..page import Page


class AppearanceSection(Section):
    """Takes effect at once; there is nothing to save."""

    def __init__(self, page: Page) -> None:
        super().__init__(page, tr("Appearance"), tr("Of this app on this computer. Takes effect at once."))
        preferences = self.context.preferences
        card = Card(tr("Look"))
        self.theme = ChoiceField(
            (
                (Theme.SYSTEM, tr("Like the system")),
                (Theme.LIGHT, tr("Light")),
                (Theme.DARK, tr("Dark")),
            )
        )
        self.theme.chosen.connect(self._set_theme)
        self.text_size = ChoiceField((size, f"{round(size * 100)} %") for size in TEXT_SIZES)
        self.text_size.chosen.connect(self._set_size)
        card.add_fields(FieldRow(tr("Theme"), self.theme), FieldRow(tr("Text size"), self.text_size))
        self.body.add(card)
        words = Card(tr("Words"))
        self.language = ChoiceField([("", tr("Like the system")), *LANGUAGES.items()])
        self.language.chosen.connect(self._set_language)
        words.add_fields(FieldRow(tr("Language"), self.language, tr("The window is built anew.")))
        self.body.add(words)
        preferences.theme_changed.connect(self._show)
        preferences.language_changed.connect(self._show)
        self._show()

    def _show(self, *_: object) -> None:
        preferences = self.context.preferences
        self.theme.set_value(preferences.theme)
        self.text_size.set_value(preferences.text_size)
        self.language.set_value(preferences.language)

    def _set_theme(self) -> None:
        self.context.preferences.theme = Theme(str(self.theme.value()))

    def _set_size(self) -> None:
        self.context.preferences.text_size = float(str(self.text_size.value()))

    def _set_language(self) -> None:
        self.context.preferences.language = str(self.language.value())
