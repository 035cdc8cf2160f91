"""Says that something unexpected happened, and shows the report that can be passed on."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from .bug_report import BugReport
from .dialogs import open_dialog
from .i18n import tr
from .strips import Strip
from .theme import monospace, px


class BugStrip(Strip):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("bad", "bug", parent)
        self._report: BugReport | None = None
        self.add_button(tr("Show report"), self._open, name="bug-report")
        self.add_close(self.hide)
        self.hide()

    def show_report(self, report: BugReport) -> None:
        self._report = report
        self.say(
            tr("Something in Gatepost went wrong that should not have."),
            tr("Your mail is not affected. The report says where; it holds no addresses and no passwords."),
        )
        self.show()

    def _open(self) -> None:
        if self._report is not None:
            open_dialog(ReportDialog(self._report, self.window()))


class ReportDialog(QDialog):
    def __init__(self, report: BugReport, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Report"))
        self.setObjectName("bug-report-dialog")
        self._text = report.text
        label = QLabel(tr("&This is what can be passed on to the makers of Gatepost:"), self)
        view = QPlainTextEdit(report.text, self)
        view.setReadOnly(True)
        view.setFont(monospace())
        label.setBuddy(view)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton(tr("&Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self._copy)
        buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Close"))
        buttons.rejected.connect(self.reject)
        self.finished.connect(self.deleteLater)
        layout = QVBoxLayout(self)
        layout.addWidget(label)
        layout.addWidget(view, 1)
        layout.addWidget(buttons)
        self.resize(px(680), px(440))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._text)
