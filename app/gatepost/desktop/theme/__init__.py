"""The look: light and dark from one table of tokens, the font, the icons. Depends on nothing else of the app but ``resources``.

Begin with ``tokens`` (every colour), then ``current`` (which theme is in use, ``apply``), ``stylesheet`` and ``palette`` (the
tokens as Qt wants them), ``fonts`` (lengths that follow the font: ``px``) and ``icons``.

    theme().apply("system")            # or "light", "dark"; text_scale=2.0 for large text
    theme().style(sidebar)             # each part of a window: sidebar, page, dialog
    tokens().accent, px(12), icon("spool")

In the style sheet, widgets say what they are by a dynamic property: ``role`` (``primary``, ``danger``, ``quiet``, ``link`` for
buttons; ``title``, ``heading``, ``muted``, ``error``, ``mono``… for labels) set with ``set_role``.
"""

from .current import Choice, Theme, theme, tokens
from .fonts import monospace, px, scale
from .icons import icon
from .roles import Role, set_role
from .tokens import Tokens, contrast

__all__ = [
    "Choice",
    "Role",
    "Theme",
    "Tokens",
    "contrast",
    "icon",
    "monospace",
    "px",
    "scale",
    "set_role",
    "theme",
    "tokens",
]
