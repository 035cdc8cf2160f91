"""Every colour of the window, once for light and once for dark: for palette, style sheet, icons and own painters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as ``#rrggbb``. A tone is a pair: the colour for text and strokes, and the soft ground that it stands on."""

    is_dark: bool

    window: str
    sidebar: str
    surface: str
    """Cards, menus, dialogs."""
    field: str
    """Where something is typed, and tables."""
    hover: str
    pressed: str
    border: str
    field_border: str
    track: str
    """The track of a switch that is off, of a progress bar, of a scroll bar's handle."""

    text: str
    muted: str
    disabled: str
    """Text of what cannot be used now; the one text that may fall below 4.5:1 (WCAG 1.4.3 exempts it)."""

    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    accent_soft: str
    """Ground of the selected row and the chosen page."""
    focus: str

    good: str
    good_soft: str
    warning: str
    warning_soft: str
    bad: str
    bad_soft: str
    neutral: str
    neutral_soft: str

    second_line: str
    """The second line of a chart."""


LIGHT = Tokens(
    is_dark=False,
    window="#f4f5f7",
    sidebar="#ebecf0",
    surface="#ffffff",
    field="#ffffff",
    hover="#f0f1f5",
    pressed="#e4e6ec",
    border="#dcdfe6",
    field_border="#c3c8d3",
    track="#c3c8d3",
    text="#1b2030",
    muted="#5a6275",
    disabled="#8b92a3",
    accent="#2f5fd0",
    accent_hover="#2754bd",
    accent_pressed="#2049a8",
    on_accent="#ffffff",
    accent_soft="#e2eafc",
    focus="#2f5fd0",
    good="#17703d",
    good_soft="#dff3e6",
    warning="#8a4f00",
    warning_soft="#fdeed9",
    bad="#b3251e",
    bad_soft="#fbe3e1",
    neutral="#4d5567",
    neutral_soft="#e9ebf0",
    second_line="#a15c00",
)

DARK = Tokens(
    is_dark=True,
    window="#16171b",
    sidebar="#1a1b20",
    surface="#1f2128",
    field="#191a1f",
    hover="#292c35",
    pressed="#323641",
    border="#30343e",
    field_border="#434855",
    track="#4b505e",
    text="#eceef4",
    muted="#a0a7b7",
    disabled="#6c7283",
    accent="#7f9eff",
    accent_hover="#93adff",
    accent_pressed="#a6bcff",
    on_accent="#10131c",
    accent_soft="#26304d",
    focus="#7f9eff",
    good="#74d39a",
    good_soft="#173626",
    warning="#f5b557",
    warning_soft="#3d2b11",
    bad="#ff9a93",
    bad_soft="#49201f",
    neutral="#b5bbc9",
    neutral_soft="#2c3039",
    second_line="#e0a145",
)

TEXT_PAIRS: tuple[tuple[str, str], ...] = (
    *((text, ground) for text in ("text", "muted") for ground in ("window", "sidebar", "surface", "field", "hover")),
    ("text", "pressed"),
    ("text", "accent_soft"),
    ("muted", "accent_soft"),
    ("accent", "accent_soft"),
    ("accent", "surface"),
    ("accent", "window"),
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("on_accent", "accent_pressed"),
    *(
        (tone, ground)
        for tone in ("good", "warning", "bad", "neutral")
        for ground in (f"{tone}_soft", "surface", "field", "window", "accent_soft")
    ),
    ("text", "good_soft"),
    ("text", "warning_soft"),
    ("text", "bad_soft"),
    ("text", "neutral_soft"),
)
"""Each text and the ground it is drawn on: at least 4.5:1 (WCAG 2.2, 1.4.3)."""

STROKE_PAIRS: tuple[tuple[str, str], ...] = (
    *(("focus", ground) for ground in ("window", "sidebar", "surface", "field", "accent_soft")),
    ("accent", "field"),
    ("second_line", "surface"),
)
"""Strokes that carry meaning: at least 3:1 (WCAG 2.2, 1.4.11)."""


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)
