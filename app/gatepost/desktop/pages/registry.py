"""The pages in the order of the sidebar. A page is imported when it is visited for the first time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from ..context import AppContext
from ..i18n import mark
from .page import Page


@dataclass(frozen=True, slots=True)
class PageEntry:
    """``title`` is translated where it is shown; ``icon`` names a file of resources/icons."""

    key: str
    title: str
    icon: str
    module: str
    name: str
    in_sidebar: bool = True

    @property
    def is_loaded(self) -> bool:
        return f"{__package__}.{self.module}" in sys.modules

    def load(self) -> None:
        """Import it, without making a page."""
        import_module(f"{__package__}.{self.module}")

    @property
    def build(self) -> Callable[[AppContext], Page]:
        page: Callable[[AppContext], Page] = getattr(import_module(f"{__package__}.{self.module}"), self.name)
        return page


PAGES = (
    PageEntry("overview", mark("Overview"), "overview", "overview", "OverviewPage"),
    PageEntry("gateways", mark("Gateways"), "gateways", "gateways", "GatewaysPage"),
    PageEntry("domains", mark("Domains"), "domains", "domains", "DomainsPage"),
    PageEntry("spool", mark("Spool"), "spool", "spool", "SpoolPage"),
    PageEntry("quarantine", mark("Quarantine"), "quarantine", "quarantine", "QuarantinePage"),
    PageEntry("tracking", mark("Tracking"), "tracking", "tracking", "TrackingPage"),
    PageEntry("inbox", mark("Test inbox"), "inbox", "inbox", "InboxPage"),
    PageEntry("explain", mark("Explain route"), "explain", "explain", "ExplainPage"),
    PageEntry("settings", mark("Settings"), "settings", "settings", "SettingsPage"),
    PageEntry("first-run", mark("First steps"), "play", "first_run", "FirstRunPage", in_sidebar=False),
)
