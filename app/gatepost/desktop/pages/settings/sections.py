"""The sections in the order of the list. A section is built when it is opened for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...i18n import mark

if TYPE_CHECKING:
    from ..page import Page
    from .section import Section


@dataclass(frozen=True, slots=True)
class Entry:
    """``group`` and ``title`` are translated where they are shown. ``module`` holds the class ``name``."""

    key: str
    group: str
    title: str
    icon: str
    module: str
    name: str

    def build(self, page: Page) -> Section:
        found: Section = getattr(import_module(f"{__package__}.{self.module}"), self.name)(page)
        return found


_MAIL_IN, _MAIL_OUT = mark("Mail coming in"), mark("Mail going out")
_FILTER, _APP, _KEPT = mark("Inspection"), mark("Relay and app"), mark("Configuration")
_TEST = mark("Test inbox")

ALL = (
    Entry("listeners", _MAIL_IN, mark("Listeners"), "inbox", "listeners", "ListenersSection"),
    Entry("certificates", _MAIL_IN, mark("TLS certificates"), "lock", "certificates", "CertificatesSection"),
    Entry("networks", _MAIL_IN, mark("Trusted networks"), "domains", "networks", "NetworksSection"),
    Entry("users", _MAIL_IN, mark("Relay users"), "user", "users", "UsersSection"),
    Entry("pickup", _MAIL_IN, mark("Pickup folder"), "download", "pickup", "PickupSection"),
    Entry("delivery", _MAIL_OUT, mark("Delivery"), "send", "delivery", "DeliverySection"),
    Entry("spool", _MAIL_OUT, mark("Spool"), "spool", "spool", "SpoolSection"),
    Entry("dkim", _MAIL_OUT, mark("DKIM keys"), "key", "dkim", "DkimSection"),
    Entry("spam", _FILTER, mark("Spam"), "filter", "spam", "SpamSection"),
    Entry("virus", _FILTER, mark("Virus scan"), "quarantine", "virus", "VirusSection"),
    Entry("trays", _TEST, mark("Trays"), "inbox", "trays", "TraysSection"),
    Entry("faults", _TEST, mark("Faults"), "warning", "faults", "FaultsSection"),
    Entry("inbox", _TEST, mark("Kept mail"), "clock", "inbox", "InboxSection"),
    Entry("server", _APP, mark("Server"), "server", "server", "ServerSection"),
    Entry("remote", _APP, mark("Remote administration"), "key", "remote", "RemoteSection"),
    Entry("metrics", _APP, mark("Metrics port"), "overview", "metrics", "MetricsSection"),
    Entry("alarms", _APP, mark("Alarms"), "warning", "alarms", "AlarmsSection"),
    Entry("notifications", _APP, mark("Notifications"), "notification", "notifications", "NotificationsSection"),
    Entry("appearance", _APP, mark("Appearance"), "appearance", "appearance", "AppearanceSection"),
    Entry("revisions", _KEPT, mark("Revisions"), "history", "revisions", "RevisionsSection"),
    Entry("transfer", _KEPT, mark("Import and export"), "upload", "transfer", "TransferSection"),
)


def sections() -> tuple[Entry, ...]:
    """Those that this build has."""
    return tuple(entry for entry in ALL if find_spec(f"{__package__}.{entry.module}") is not None)
