"""About Gatepost: versions of both sides; and which keys do what."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, qVersion
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from .. import __version__
from .context import AppContext
from .i18n import tr
from .pages.registry import PageEntry
from .theme import Role, icon, px, set_role


class AboutDialog(QDialog):
    def __init__(self, context: AppContext, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("about")
        self.setWindowTitle(tr("About Gatepost"))
        self.finished.connect(self.deleteLater)
        picture = QLabel(self)
        picture.setPixmap(icon("gatepost", "accent").pixmap(QSize(px(56), px(56)), self.devicePixelRatioF()))
        name = _plain("Gatepost", self)
        set_role(name, Role.TITLE)
        purpose = _plain(tr("A mail gateway and its administration."), self)
        heading = QVBoxLayout()
        heading.addWidget(name)
        heading.addWidget(purpose)
        top = QHBoxLayout()
        top.setSpacing(px(16))
        top.addWidget(picture)
        top.addLayout(heading, 1)
        self._rows = facts(context)
        form = QFormLayout()
        form.setHorizontalSpacing(px(24))
        for label, value in self._rows:
            shown = _plain(value, self)
            shown.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            shown.setAccessibleName(label)
            caption = _plain(label, self)
            set_role(caption, Role.MUTED)
            form.addRow(caption, shown)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Close"))
        buttons.addButton(tr("&Copy"), QDialogButtonBox.ButtonRole.ActionRole).clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(px(16))
        layout.setContentsMargins(px(24), px(24), px(24), px(16))
        layout.addLayout(top)
        layout.addLayout(form)
        layout.addWidget(buttons)

    def _copy(self) -> None:
        QApplication.clipboard().setText("\n".join(f"{label}: {value}" for label, value in self._rows))


def facts(context: AppContext) -> list[tuple[str, str]]:
    """Label and value, for people and for a question to the makers."""
    rows = [
        (tr("This program"), __version__),
        (tr("Python and Qt"), f"{platform.python_version()}, Qt {qVersion()}"),
        (tr("System"), f"{platform.system()} {platform.release()}"),
        (tr("Data folder"), str(context.session.data_folder)),
    ]
    snapshot = context.session.snapshot
    if snapshot is not None:
        relay = snapshot.status.relay
        rows += [
            (tr("Relay"), tr("{version}, process {pid}", version=relay.version, pid=relay.pid)),
            (tr("Passwords are kept in"), relay.vault.label or tr("nothing that works yet")),
        ]
    return rows


class ShortcutsDialog(QDialog):
    def __init__(self, entries: Sequence[PageEntry], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts")
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.finished.connect(self.deleteLater)
        form = QFormLayout()
        form.setHorizontalSpacing(px(32))
        form.setVerticalSpacing(px(6))
        for keys, what in shortcuts(entries):
            caption = _plain(keys, self)
            set_role(caption, Role.STRONG)
            form.addRow(caption, _plain(what, self))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Close"))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(px(24), px(20), px(24), px(16))
        layout.setSpacing(px(16))
        layout.addLayout(form)
        layout.addWidget(buttons)


def shortcuts(entries: Sequence[PageEntry]) -> list[tuple[str, str]]:
    return [
        *((f"Ctrl+{number}", tr(entry.title)) for number, entry in enumerate(entries[:9], 1)),
        ("F5", tr("Refresh what is shown")),
        ("Ctrl+F", tr("Find on this page")),
        ("Tab, Shift+Tab", tr("Next field, previous field")),
        ("Alt+…", tr("The field or button with that letter underlined")),
        ("Esc", tr("Close a dialog")),
        ("Ctrl+?", tr("This overview")),
        ("Ctrl+Q", tr("Quit")),
    ]


def _plain(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
