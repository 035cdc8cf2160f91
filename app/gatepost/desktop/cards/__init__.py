"""The look of pages, once: cards, fields, bars, figures, questions. Knows the theme and the words, no page and no relay.

- ``page_parts``: PageHeader, PageBody, EmptyState, ``tool_button``
- ``card``: Card, FieldRow (label, field, help, error), Disclosure, ``field_line``
- ``inputs``: TextField, ChoiceField, NumberField; ``switch``: Switch; ``list_field``: ListField, AddressListField;
  ``secret_field``: SecretField
- ``framed``: Framed (a list with its foot), FootLine
- ``bars``: Banner (also inside a card), SaveBar; ``badge``: Badge, Tone; ``chips``: FilterChips
- ``figures``: Figure, Facts, HealthLine; ``chart``: LineChart, Series
- ``dialog``: ``ask``, ``confirm``, Dialog: coroutines, never ``exec``
- ``layout``: rows, line, Columns, Flow, LeadLayout: they fold where there is no room; ``mnemonics``: Alt and a letter
- ``text``: ``label``, ElidedLabel, Sign

Lengths are given as they are at 100 % and follow the font. Fields signal ``changed`` (or ``textEdited``) while the person types
and ``left`` when the field was left; setting a value from the program signals nothing.
"""

from .badge import Badge, Tone
from .bars import Banner, SaveBar
from .card import Card, Disclosure, FieldRow, field_line
from .chart import LineChart, Series
from .chips import FilterChips
from .dialog import Answer, Dialog, ask, confirm
from .figures import Facts, Figure, HealthLine
from .framed import FootLine, Framed
from .inputs import ChoiceField, NumberField, TextField
from .layout import Columns, Flow, LeadLayout, divider, line, rows
from .list_field import AddressListField, ListField
from .mnemonics import assign_mnemonics
from .page_parts import FOCUS_ROOM, EmptyState, PageBody, PageHeader, Scrolled, tool_button
from .secret_field import SecretAction, SecretChange, SecretField
from .switch import Switch
from .text import ElidedLabel, Sign, label

__all__ = [
    "FOCUS_ROOM",
    "AddressListField",
    "Answer",
    "Badge",
    "Banner",
    "Card",
    "ChoiceField",
    "Columns",
    "Dialog",
    "Disclosure",
    "ElidedLabel",
    "EmptyState",
    "Facts",
    "FieldRow",
    "Figure",
    "FilterChips",
    "Flow",
    "FootLine",
    "Framed",
    "HealthLine",
    "LeadLayout",
    "LineChart",
    "ListField",
    "NumberField",
    "PageBody",
    "PageHeader",
    "SaveBar",
    "Scrolled",
    "SecretAction",
    "SecretChange",
    "SecretField",
    "Series",
    "Sign",
    "Switch",
    "TextField",
    "Tone",
    "ask",
    "assign_mnemonics",
    "confirm",
    "divider",
    "field_line",
    "label",
    "line",
    "rows",
    "tool_button",
]
