"""Says that something unexpected happened, and shows the report that can be passed on."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QWidget

from .bug_report import BugReport
from .i18n import tr
from .strips import Strip


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
            open_report(self._report, self.window())


def open_report(report: BugReport, parent: QWidget) -> None:
    from PySide6.QtWidgets import QPlainTextEdit

    from .cards import Dialog, FieldRow
    from .theme import monospace, px

    dialog = Dialog(parent, tr("Report"), width=680)
    dialog.setObjectName("bug-report-dialog")
    view = QPlainTextEdit(report.text)
    view.setReadOnly(True)
    view.setFont(monospace())
    view.setMinimumHeight(px(320))
    dialog.add(FieldRow(tr("This is what can be passed on to the makers of Gatepost:"), view))
    # Copying closes it: there is nothing else to be done here.
    dialog.add_button("copy", tr("Copy")).clicked.connect(lambda: QApplication.clipboard().setText(report.text))
    dialog.add_button("close", tr("Close"), is_default=True)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
