"""Settings → Faults: what happens to clients on purpose, to see what they make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ....model.capture import DelayFault, DropFault, FaultRule, FaultStage, RefuseFault
from ...cards import Banner, Card, ChoiceField, FieldRow, NumberField, TextField, Tone
from ...i18n import ntr, tr
from ..fault_words import fault_words, rule_name, stage_words
from ..wording import Plain, listener_name
from .fields import seconds
from .object_choice import ObjectChoice
from .object_section import Line, ObjectSection, Words

if TYPE_CHECKING:
    from ..page import Page

_DEFAULTS: dict[str, Plain] = {one.action: one.model_dump(mode="json") for one in (RefuseFault(), DelayFault(), DropFault())}


class FaultsSection(ObjectSection):
    collection = "faults"
    kind = FaultRule
    draft: ClassVar[Plain] = FaultRule(id="new", stage=FaultStage.RCPT, fault=RefuseFault()).model_dump(
        mode="json", exclude={"id"}
    )

    def __init__(self, page: Page) -> None:
        self._typed: dict[str, Plain] = {}
        super().__init__(
            page,
            Words(
                title=tr("Faults"),
                subtitle=tr(
                    "To test senders: refuse, delay or drop them on purpose, at the stage of the session that you choose."
                ),
                add=tr("Add a fault"),
                new=tr("New fault"),
                empty=tr("No faults"),
                empty_text=tr("Every client is answered as it should be."),
                icon="warning",
                consequence=tr("Clients are answered as they should be again."),
            ),
        )

    # --- the editor ---

    def build_editor(self) -> None:
        self.mark = Banner(
            Tone.WARNING,
            tr("This disturbs mail while it is switched on."),
            tr("Every sender that fits meets it, not only yours. Choose a listener that only tests use."),
        )
        self.column.addWidget(self.mark)
        self._build_what()
        self._build_when()
        self._build_how_often()

    def _build_what(self) -> None:
        fields = self.fields
        card = Card(tr("What happens"))
        card.add_fields(fields.switch("enabled", tr("Switched on")))
        card.add_fields(fields.text("description", tr("Description")))
        self._action = ChoiceField(
            (("refuse", tr("Refuse")), ("delay", tr("Delay the answer")), ("drop", tr("Drop the connection")))
        )
        self._code, self._text = NumberField(), TextField()
        self._seconds = NumberField(unit=seconds(), decimals=True)
        self.action = FieldRow(tr("Fault"), self._action)
        self.code = FieldRow(tr("Reply code"), self._code, tr("4xx: try again later. 5xx: never. 421 closes the connection."))
        self.text = FieldRow(tr("Reply text"), self._text)
        self.seconds = FieldRow(tr("Late by"), self._seconds)
        self.stage = fields.choice("stage", tr("Stage"), ((one.value, stage_words(one.value)) for one in FaultStage))
        card.add_fields(self.action, self.stage)
        self.reply = card.add_fields((self.code, 1), (self.text, 3))
        self.late = card.add_fields(self.seconds)
        self.column.addWidget(card)
        form = self.form
        form.add_custom("fault", self.action, self._show_fault, errors_at=("fault.action",))
        for name, row in (("code", self.code), ("text", self.text), ("seconds", self.seconds)):
            form.add_custom("fault", row, lambda _value: None, errors_at=(f"fault.{name}",))
        self._action.chosen.connect(self._choose_fault)
        self._code.changed.connect(lambda: self._type("code", self._code.value()))
        self._text.textEdited.connect(lambda text: self._type("text", text))
        self._seconds.changed.connect(lambda: self._type("seconds", self._seconds.value()))
        for name, field in (("code", self._code), ("text", self._text), ("seconds", self._seconds)):
            field.left.connect(lambda name=name: self.model.touch(f"fault.{name}"))

    def _build_when(self) -> None:
        fields = self.fields
        card = Card(tr("To whom"))
        self.listener = ObjectChoice(self.form, "listener", tr("At the listener"), tr("Every listener"))
        card.add_fields(self.listener.row)
        self.from_row = fields.text(
            "sender", tr("A sender like"), tr("“*” stands for anything. Empty: any."), placeholder="*@example.org"
        )
        self.to_row = fields.text(
            "recipient", tr("A recipient like"), tr("“*” stands for anything. Empty: any."), placeholder="*@example.org"
        )
        card.add_fields(self.from_row, self.to_row)
        self.column.addWidget(card)

    def _build_how_often(self) -> None:
        fields = self.fields
        card = Card(tr("How often"), tr("Of the occasions that fit, counted since the rule was last saved."))
        card.add_fields(
            fields.number("every", tr("Every so many"), "", tr("1: each. 3: the third, the sixth…")),
            fields.optional_number("first", tr("Only among the first"), tr("without end")),
            self._percent(),
        )
        self.column.addWidget(card)

    def _percent(self) -> FieldRow:
        field = NumberField(unit="%", decimals=True)
        row = FieldRow(tr("And then with a chance of"), field)

        def typed() -> None:
            value = field.value()
            self.model.set("probability", value / 100 if isinstance(value, int | float) else value)

        def shows(value: Any) -> None:
            field.set_value(round(value * 100, 6) if isinstance(value, int | float) else value)

        field.changed.connect(typed)
        field.left.connect(lambda: self.model.touch("probability"))
        return self.form.add_custom("probability", row, shows)

    def _choose_fault(self) -> None:
        """What was typed for another fault comes back with it."""
        self._typed[str(self.model.get("fault.action"))] = dict(self.model.get("fault"))
        action = str(self._action.value())
        self.model.set("fault", dict(self._typed.get(action) or _DEFAULTS[action]))
        self._show_fault(self.model.get("fault"))

    def _type(self, name: str, value: object) -> None:
        if name in (self.model.get("fault") or {}) and not self.form._is_filling:
            self.model.set("fault", {**self.model.get("fault"), name: value})

    def _show_fault(self, value: Any) -> None:
        fault = value or _DEFAULTS["refuse"]
        self._action.set_value(fault["action"])
        for name, field in (("code", self._code), ("seconds", self._seconds)):
            if name in fault:
                field.set_value(fault[name])
        if "text" in fault and self._text.text() != str(fault["text"]):
            self._text.setText(str(fault["text"]))

    def filled(self) -> None:
        self._typed.clear()

    def follow(self) -> None:
        action = self.model.get("fault.action")
        self.reply.setVisible(action == "refuse")
        self.late.setVisible(action == "delay")
        stage = str(self.model.get("stage") or "")
        known = FaultStage(stage) if stage in set(FaultStage) else None
        self.from_row.setVisible(bool(known and known.knows_sender) or bool(self.model.get("sender")))
        self.to_row.setVisible(bool(known and known.knows_recipient) or bool(self.model.get("recipient")))
        self.mark.setVisible(bool(self.model.get("enabled")))

    # --- the list ---

    async def load_more(self) -> None:
        listeners = (await self.context.session.client.objects("listeners")).value
        self.listener.set_choices((one["id"], listener_name(one)) for one in listeners)

    def line(self, one: Plain) -> Line:
        word, tone = (tr("Switched on"), Tone.WARNING) if one["enabled"] else (tr("Switched off"), Tone.NEUTRAL)
        parts = [fault_words(one)] if one["description"] else []
        if one["every"] > 1:
            parts.append(ntr("every {n}", "every {n}", one["every"]))
        if one["first"]:
            parts.append(ntr("the first only", "the first {n} only", one["first"]))
        return Line(rule_name(one), " · ".join(parts), word, tone)
