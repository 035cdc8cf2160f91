"""The stages of Verify Connection as a live list: each with its result, its time, what to do, and the raw dialogue."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from ....model.gateway import Encryption
from ....model.report import StageState, VerifyStage
from ...cards import Disclosure, Sign, label, line, rows
from ...i18n import mark, tr
from ...relay_texts import said
from ...theme import Role, monospace, px, set_role, tokens
from ...words import number_text

_TITLES = {
    "dns": mark("Find the server’s address"),
    "tcp": mark("Connect"),
    "banner": mark("Greeting"),
    "ehlo": mark("Introduce ourselves"),
    "tls": mark("Encryption and certificate"),
    "auth": mark("Sign in"),
    "envelope": mark("Sender"),
    "recipient": mark("Recipient"),
    "settings": mark("OAuth settings"),
    "authority": mark("Reach the provider"),
    "token": mark("Get a token"),
    "claims": mark("Read the token"),
    "permission": mark("Permission to send"),
    "mechanism": mark("Sign-in by token"),
}
_DOCTOR = ("settings", "authority", "token", "claims", "permission")
_ORDER = ("dns", "tcp", "banner", "ehlo", "tls", "auth", "envelope", "recipient")
_IMPLICIT_ORDER = ("dns", "tcp", "tls", "banner", "ehlo", "auth", "envelope", "recipient")
_SIGNS = {
    StageState.PASSED: ("good", "good"),
    StageState.WARNING: ("warning", "warning"),
    StageState.FAILED: ("bad", "bad"),
    StageState.SKIPPED: ("skipped", "muted"),
}
_WORDS = {
    StageState.PASSED: mark("passed"),
    StageState.WARNING: mark("passed with a warning"),
    StageState.FAILED: mark("failed"),
    StageState.SKIPPED: mark("not needed"),
}


class StageList(QWidget):
    """``begin`` shows what is going to be tried; ``tell`` each stage as it ends; ``stop`` when nothing more comes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = rows(self, gap=2)
        self._rows: dict[str, _StageRow] = {}
        self.stages: list[VerifyStage] = []

    def begin(self, encryption: str, *, is_doctor: bool = False) -> None:
        """``is_doctor``: the steps of a sign-in by OAuth come first."""
        for row in self._rows.values():
            row.hide()
            row.setParent(None)
            row.deleteLater()
        self._rows.clear()
        self.stages.clear()
        order: tuple[str, ...] = _IMPLICIT_ORDER if encryption == Encryption.IMPLICIT.value else _ORDER
        if is_doctor:
            place = order.index("auth")
            order = (*_DOCTOR, *order[:place], "mechanism", *order[place:])
        for name in order:
            self._add(name, tr(_TITLES[name]))
        self._mark_running()

    def tell(self, stage: VerifyStage) -> None:
        self.stages.append(stage)
        row = self._rows.get(stage.stage) or self._add(stage.stage, stage.title)
        row.show_result(stage)
        self._mark_running()

    def stop(self) -> None:
        for row in self._rows.values():
            row.stop()

    def _add(self, name: str, title: str) -> _StageRow:
        row = self._rows[name] = _StageRow(title)
        self._layout.addWidget(row)
        return row

    def _mark_running(self) -> None:
        waiting = [row for row in self._rows.values() if row.is_waiting]
        for row in waiting[:1]:
            row.run()

    @property
    def has_failed(self) -> bool:
        return any(stage.state is StageState.FAILED for stage in self.stages)

    @property
    def has_warned(self) -> bool:
        return any(stage.state is StageState.WARNING for stage in self.stages)


class _StageRow(QWidget):
    def __init__(self, title: str) -> None:
        super().__init__()
        self._title_text = title
        self.is_waiting = True
        layout = line(self, gap=10)
        layout.setContentsMargins(0, px(5), 0, px(5))
        signs = rows(gap=0)
        self._sign = Sign("skipped", "border", 18)
        self._spinner = _Spinner()
        self._spinner.hide()
        signs.addWidget(self._sign)
        signs.addWidget(self._spinner)
        signs.addStretch(1)
        layout.addLayout(signs)
        words = rows(gap=3)
        top = line(gap=10)
        self._title = label(title, Role.MUTED)
        top.addWidget(self._title)
        self._time = label("", Role.MUTED)
        top.addStretch(1)
        top.addWidget(self._time)
        words.addLayout(top)
        self._result = label("", wrap=True, selectable=True)
        self._result.hide()
        words.addWidget(self._result)
        self._advice = label("", wrap=True, selectable=True)
        set_role(self._advice, Role.STRONG)
        self._advice.hide()
        words.addWidget(self._advice)
        self._said = Disclosure(tr("What was said"))
        self._said.hide()
        words.addWidget(self._said)
        layout.addLayout(words, 1)
        self.setAccessibleName(tr("{stage}: waiting", stage=title))

    def run(self) -> None:
        self._sign.hide()
        self._spinner.start()
        set_role(self._title, None)
        self.setAccessibleName(tr("{stage}: running", stage=self._title_text))

    def stop(self) -> None:
        self._spinner.stop()
        self._sign.show()

    def show_result(self, stage: VerifyStage) -> None:
        self.is_waiting = False
        self.stop()
        self._sign.set(*_SIGNS[stage.state])
        set_role(self._title, Role.MUTED if stage.state is StageState.SKIPPED else None)
        self._time.setText(milliseconds(stage.seconds) if stage.state is not StageState.SKIPPED else "")
        result = said(stage.result)
        self._result.setText(result)
        self._result.setVisible(bool(result))
        set_role(self._result, Role.ERROR if stage.state is StageState.FAILED else Role.MUTED)
        self._advice.setText(said(stage.advice))
        self._advice.setVisible(bool(stage.advice))
        if stage.dialogue:
            self._said.add(_dialogue(stage.dialogue, self._title_text))
            self._said.show()
        self.setAccessibleName(
            tr("{stage}: {state}. {result}", stage=self._title_text, state=tr(_WORDS[stage.state]), result=result)
        )


class _Spinner(QWidget):
    """Something is being waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(px(18), px(18))
        self._angle = 0
        self._timer = QTimer(self)
        self._timer.setInterval(60)
        self._timer.timeout.connect(self._turn)

    def start(self) -> None:
        self.show()
        self._timer.start()

    def stop(self) -> None:
        self.hide()
        self._timer.stop()

    def _turn(self) -> None:
        self._angle = (self._angle + 30) % 360
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inset = px(3)
        area = self.rect().adjusted(inset, inset, -inset, -inset)
        painter.setPen(QPen(QColor(tokens().border), px(2)))
        painter.drawEllipse(area)
        painter.setPen(QPen(QColor(tokens().accent), px(2)))
        painter.drawArc(area, -self._angle * 16, 90 * 16)


def _dialogue(lines: Sequence[str], title: str) -> QPlainTextEdit:
    box = QPlainTextEdit("\n".join(lines))
    box.setReadOnly(True)
    box.setFont(monospace())
    box.setTabChangesFocus(True)
    box.setAccessibleName(tr("Dialogue of “{stage}”", stage=title))
    height = box.fontMetrics().lineSpacing() * min(max(len(lines), 2), 8) + px(20)
    box.setFixedHeight(height)
    return box


def milliseconds(seconds: float) -> str:
    return tr("{n} ms", n=round(seconds * 1000)) if seconds < 1 else tr("{n} s", n=number_text(seconds, 1))


def transcript(stages: Sequence[VerifyStage], where: str) -> str:
    """Everything as text, to be sent to whoever runs the other side. Credentials were left out by the relay."""
    lines = [tr("Connection to {server}", server=where), ""]
    for stage in stages:
        title = tr(_TITLES[stage.stage]) if stage.stage in _TITLES else stage.title
        lines.append(f"[{tr(_WORDS[stage.state])}] {title} ({milliseconds(stage.seconds)})")
        lines.extend(f"    {text}" for text in (said(stage.result), said(stage.advice)) if text)
        lines.extend(f"    {text}" for text in stage.dialogue)
    return "\n".join(lines) + "\n"
