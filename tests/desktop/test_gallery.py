"""Every page and every gateway mode, looked at: nothing clipped, nothing without a name, no letter twice, nothing pale.

At the least size of the window, with text of 200 %, with texts that are 40 % longer, in German, and in both themes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QScrollArea, QTabBar, QVBoxLayout, QWidget

from gatepost.desktop.cards.text import WrappedLabel
from gatepost.desktop.frame import MINIMUM
from gatepost.desktop.i18n import set_language
from gatepost.desktop.theme import theme

from ..support.relay_process import RelayProcess
from .gallery.faults import faults, pale
from .gallery.long_words import long_words
from .gallery.sample import sample_relay
from .gallery.scenes import scenes
from .gallery.studio import Studio, studio

pytestmark = pytest.mark.timeout(600)

VARIANTS = {
    "least-size": {"size": MINIMUM, "contrast": True},
    "200-percent": {"text_scale": 2.0},
    "long-words": {"long": True},
    "german": {"language": "de"},
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    with sample_relay(tmp_path_factory.mktemp("gallery") / "relay") as relay:
        yield relay


@pytest.mark.parametrize("variant", VARIANTS)
def test_nobody_stumbles_over_a_page(
    variant: str,
    sample: RelayProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    complaints: list[str],
    unlimited: Callable[..., Any],
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", sample.environment["XDG_RUNTIME_DIR"])
    try:
        found = unlimited(_look(sample.data, tmp_path, dict(VARIANTS[variant])))
    finally:
        set_language("en")
    assert not found, f"{len(found)} faults\n" + "\n".join(found)


async def _look(data: Path, folder: Path, options: dict[str, Any]) -> list[str]:
    measure, is_long = options.pop("contrast", False), options.pop("long", False)
    found: list[str] = []
    set_language(options.pop("language", "en"))
    with long_words() if is_long else nullcontext():
        async with studio(data, folder / "preferences.ini", **options) as opened:
            for scene in scenes():
                await opened.show(scene)
                seen = _all_faults(opened, measure, not is_long)
                if seen:  # rows of a busy relay may just have come: what is wrong is wrong a moment later, too
                    await asyncio.sleep(1)
                    seen = _all_faults(opened, measure, not is_long)
                if measure:  # every second scene is built in the dark and looked at by day
                    opened.switch_theme()
                    seen += [fault for window in opened.windows for fault in pale(window)]
                found += [f"{scene.name}: {fault}" for fault in seen]
    return sorted(set(found))


def _all_faults(opened: Studio, measure: bool, whole_tabs: bool) -> list[str]:
    return [fault for window in opened.windows for fault in faults(window, measure_contrast=measure, whole_tabs=whole_tabs)]


def test_the_look_finds_what_is_wrong(show: Callable[..., Any]) -> None:
    """The check itself can fail: each kind of fault is found in a window that has it."""
    theme().apply("light")
    window = QWidget()
    theme().style(window)
    line = QHBoxLayout(window)
    clipped = QLabel("A text that has no room at all")
    clipped.setFixedWidth(40)
    nameless = QLineEdit()
    one, two = QPushButton("&Save"), QPushButton("&Stop")
    for widget in (clipped, nameless, one, two):
        line.addWidget(widget)
    tabs = QTabBar()
    for text in ("Recipients", "Timeline", "Headers"):
        tabs.addTab(text)
    tabs.setFixedWidth(120)
    area = QScrollArea()
    area.setWidgetResizable(True)
    content = QWidget()
    wrapped = QVBoxLayout(content)
    wrapped.addWidget(WrappedLabel("Words that take a few lines only where they are narrow. " * 3))
    content.setMinimumHeight(300)
    area.setWidget(content)
    area.setFixedSize(300, 200)
    line.addWidget(tabs)
    line.addWidget(area)
    show(window, 900, 220)
    window.setStyleSheet("QWidget { background: #ffffff; color: #aaaaaa; }")
    kinds = {fault.split()[0] for fault in faults(window, measure_contrast=True)}
    assert kinds == {"clipped:", "without", "Alt+S", "contrast", "cut", "scrolls"}
