"""Explain route: the decision that a message would meet now, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from ...model.errors import InvalidInput
from ..cards import (
    Badge,
    Banner,
    Card,
    EmptyState,
    FieldRow,
    LeadLayout,
    PageBody,
    PageHeader,
    Sign,
    TextField,
    Tone,
    assign_mnemonics,
    label,
    line,
    rows,
)
from ..context import AppContext
from ..forms.wording import words as issue_words
from ..i18n import tr
from ..relay_texts import said
from ..theme import Role, set_role
from .page import Page

if TYPE_CHECKING:
    from ...model.report import ExplainStep, Explanation

_SIGNS = {
    "chosen": ("good", "good"),
    "passed-over": ("skipped", "muted"),
    "refused": ("bad", "bad"),
    "waits": ("clock", "warning"),
}
"""By a step's verdict; a plain fact has the last one."""
_FACT = ("info", "muted")


class ExplainPage(Page):
    key: ClassVar[str] = "explain"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        set_role(self, Role.PAGE)
        outer = rows(self, gap=0)
        self._body = PageBody()
        outer.addWidget(self._body)
        self._body.add(
            PageHeader(tr("Explain route"), tr("Where a message would go now, and why. Nothing is sent, no turn is taken."))
        )
        self._body.add(self._build_question())
        self._asked: dict[str, str] = {}
        self._answer = QWidget()
        self._parts = rows(self._answer)
        self._body.add(self._answer)
        self._show_nothing()

    def _build_question(self) -> Card:
        card = Card(tr("Message"))
        self.fields = {
            "sender": TextField("info@example.com"),
            "recipient": TextField("somebody@example.org"),
            "client": TextField("192.168.10.20"),
            "user": TextField(),
        }
        captions = {
            "sender": (tr("Sender"), tr("Empty: a bounce, which has no sender.")),
            "recipient": (tr("Recipient"), ""),
            "client": (tr("Client address"), tr("Who hands it in. Empty: not asked whether it may.")),
            "user": (tr("Signed in as"), tr("A relay user; empty for nobody.")),
        }
        self.rows = {name: FieldRow(caption, self.fields[name], text) for name, (caption, text) in captions.items()}
        card.add_fields(self.rows["sender"], self.rows["recipient"])
        card.add_fields(self.rows["client"], self.rows["user"])
        foot = line()
        self.button = QPushButton(tr("Explain"))
        set_role(self.button, Role.PRIMARY)
        self.button.clicked.connect(self._ask)
        foot.addWidget(self.button)
        foot.addStretch(1)
        card.body.addLayout(foot)
        for name, field in self.fields.items():
            field.returnPressed.connect(self._ask)
            field.textEdited.connect(lambda _text, name=name: self.rows[name].set_error(""))
        return card

    async def enter(self, **arguments: Any) -> None:
        assign_mnemonics(self)
        given = {name: str(value) for name, value in arguments.items() if name in self.fields}
        if given:
            for name, field in self.fields.items():
                field.setText(given.get(name, ""))
        self.fields["sender"].setFocus()
        if "recipient" in given:
            await self.explain()

    async def refresh(self) -> None:
        if self.fields["recipient"].text().strip():
            await self.explain()

    def focus_search(self) -> None:
        self.fields["recipient"].setFocus()

    def _ask(self) -> None:
        self.spawn(self.explain(), "explain")

    async def explain(self) -> None:
        """Ask the relay about what the fields say, and show what it answers."""
        from ...control.tracking_schema import ExplainRequest

        for row in self.rows.values():
            row.set_error("")
        if not self.fields["recipient"].text().strip():
            self.rows["recipient"].set_error(tr("this is needed"))
            self.fields["recipient"].setFocus()
            return
        values = {name: field.text().strip() for name, field in self.fields.items()}
        self._asked = values
        self.button.setEnabled(False)
        self._clear()  # an answer to another question shall not stand below this one
        try:
            found = await self.context.session.client.explain(ExplainRequest(**values))
        except InvalidInput as error:
            if values is self._asked:
                self._show_nothing()
                self._show_issues(error)
        else:
            self.context.messages.clear_banner(self.key)
            if values is self._asked:
                self._show(found)
        finally:
            self.button.setEnabled(True)

    def _show_issues(self, error: InvalidInput) -> None:
        for issue in error.issues:
            row = self.rows.get(issue.field)
            if row is None:
                raise error
            row.set_error(issue_words(issue))
        next(row for row in self.rows.values() if row.error).field.setFocus()

    # --- the answer ---

    def _clear(self) -> None:
        while (item := self._parts.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _show_nothing(self) -> None:
        self._clear()
        card = Card()
        card.add(
            EmptyState(
                "explain",
                tr("Name a sender and a recipient"),
                tr("The answer lists every rule and gateway that was looked at, and why one of them was chosen."),
            )
        )
        self._parts.addWidget(card)

    def _show(self, found: Explanation) -> None:
        self._clear()
        verdict = found.steps[-1].verdict if found.steps else ""
        tone = Tone.BAD if not found.accepted else Tone.WARNING if verdict == "waits" else Tone.GOOD
        title = {
            Tone.BAD: tr("This message would be refused."),
            Tone.WARNING: tr("This message would wait."),
            Tone.GOOD: tr("This message would be sent on."),
        }[tone]
        refusals = [step.text for step in found.steps if step.verdict == "refused"]
        self._parts.addWidget(Banner(tone, title, said(refusals[0] if refusals else found.outcome)))
        path = Card(tr("How it is decided"))
        for number, step in enumerate(found.steps, 1):
            path.add(_StepRow(number, step))
        self._parts.addWidget(path)
        if found.hops:
            self._parts.addWidget(_hops_card(found.hops))


class _StepRow(QWidget):
    def __init__(self, number: int, step: ExplainStep) -> None:
        super().__init__()
        layout = LeadLayout(self)
        left = QWidget()
        beside = line(left, gap=10)
        sign, tone = _SIGNS.get(step.verdict, _FACT)
        beside.addWidget(Sign(sign, tone, 18), 0, Qt.AlignmentFlag.AlignTop)
        words = said(step.text)
        text = label(words, Role.MUTED if step.verdict == "passed-over" else None, wrap=True, selectable=True)
        text.setAccessibleName(f"{number}. {words} {verdict_words(step.verdict)}".strip())
        beside.addWidget(text, 1)
        layout.addWidget(left)
        word = verdict_words(step.verdict)
        if word:
            layout.addWidget(Badge(word, _tone(step.verdict)))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)


def _hops_card(hops: Sequence[str]) -> Card:
    card = Card(tr("Next hops"), tr("In the order in which they would be tried, with how the connection is secured."))
    for number, hop in enumerate(hops, 1):
        row = QWidget()
        beside = line(row, gap=10)
        beside.addWidget(label(f"{number}.", Role.MUTED), 0, Qt.AlignmentFlag.AlignTop)
        beside.addWidget(label(said(hop), wrap=True, selectable=True), 1)
        card.add(row)
    return card


def verdict_words(verdict: str) -> str:
    """Empty for a plain fact."""
    return {
        "chosen": tr("Chosen"),
        "passed-over": tr("Passed over"),
        "refused": tr("Refused"),
        "waits": tr("Waits"),
    }.get(verdict, "")


def _tone(verdict: str) -> Tone:
    return {"chosen": Tone.GOOD, "refused": Tone.BAD, "waits": Tone.WARNING}.get(verdict, Tone.NEUTRAL)
