"""About Gatepost: versions of both sides, and licences; and which keys do what."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from PySide6.QtCore import qVersion
from PySide6.QtWidgets import QApplication, QWidget

from .. import __version__
from .cards import Dialog, Facts, Sign, label, line, rows
from .context import AppContext
from .i18n import tr
from .pages.registry import PageEntry
from .relay_texts import said
from .theme import Role, px


def open_about(context: AppContext, parent: QWidget) -> None:
    found = facts(context)
    dialog = Dialog(parent, tr("About Gatepost"))
    dialog.setObjectName("about")
    top = line(gap=16)
    top.addWidget(Sign("gatepost", "accent", 52))
    words = rows(gap=4)
    words.addWidget(label("Gatepost", Role.TITLE))
    words.addWidget(label(tr("A mail gateway and its administration."), Role.MUTED, wrap=True))
    words.addStretch(1)
    top.addLayout(words, 1)
    dialog.body.addLayout(top)
    dialog.body.addSpacing(px(6))
    shown = Facts()
    shown.set(found)
    dialog.add(shown)
    text = "\n".join(f"{name}: {value}" for name, value in found)
    dialog.add_button("copy", tr("Copy")).clicked.connect(lambda: QApplication.clipboard().setText(text))
    _show(dialog)


def facts(context: AppContext) -> list[tuple[str, str]]:
    """Label and value, for people and for a question to the makers."""
    found = [
        (tr("This program"), __version__),
        (tr("Python and Qt"), f"{platform.python_version()}, Qt {qVersion()}"),
        (tr("System"), f"{platform.system()} {platform.release()}"),
        (tr("Licence"), tr("MIT; Qt and its bindings: LGPL 3")),
    ]
    snapshot = context.session.snapshot
    if snapshot is None:
        found.append((tr("Data folder"), str(context.session.data_folder)))
    else:
        relay = snapshot.status.relay
        found += [
            (tr("Relay"), tr("{version}, process {pid}", version=relay.version, pid=relay.pid)),
            (tr("Data folder"), relay.data_folder),
            (tr("Passwords are kept in"), said(relay.vault.label) or tr("nothing that works yet")),
        ]
    return found


def open_shortcuts(entries: Sequence[PageEntry], parent: QWidget) -> None:
    dialog = Dialog(parent, tr("Keyboard shortcuts"), width=440)
    dialog.setObjectName("shortcuts")
    dialog.add(label(tr("Keyboard shortcuts"), Role.HEADING))
    shown = Facts()
    shown.set(shortcuts(entries))
    dialog.add(shown)
    _show(dialog)


def shortcuts(entries: Sequence[PageEntry]) -> list[tuple[str, str]]:
    return [
        *((f"Ctrl+{number}", tr(entry.title)) for number, entry in enumerate(entries[:9], 1)),
        ("F5", tr("Refresh what is shown")),
        ("Ctrl+F", tr("Find on this page")),
        ("Ctrl+S", tr("Save")),
        ("Ctrl+O", tr("Open another data folder")),
        ("Tab, Shift+Tab", tr("Next field, previous field")),
        ("Alt+…", tr("The field or button with that letter underlined")),
        ("Esc", tr("Close a dialog")),
        ("Ctrl+?", tr("This overview")),
        ("Ctrl+Q", tr("Quit")),
    ]


def _show(dialog: Dialog) -> None:
    dialog.add_button("close", tr("Close"), is_default=True)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
