"""What happens to the mail of a listener or an outbound gateway: the card that sets it, and its words wherever it is said."""

from __future__ import annotations

from typing import Any

from ..cards import Banner, Card, ChoiceField, FieldRow, TextField, Tone
from ..forms import Form
from ..i18n import tr
from .wording import Plain

DELIVER, CAPTURE, COPY, REDIRECT = "deliver", "capture", "capture-and-deliver", "redirect"
HOLDS_BACK = (CAPTURE, REDIRECT)
"""With these, no mail reaches those whom it is for."""


def handling_choices() -> tuple[tuple[str, str], ...]:
    return (
        (DELIVER, tr("Deliver")),
        (CAPTURE, tr("Capture")),
        (COPY, tr("Capture and deliver")),
        (REDIRECT, tr("Redirect all to")),
    )


def action_of(one: Plain) -> str:
    """Of a listener or a gateway as the API shows it; inbound gateways always deliver."""
    return str((one.get("handling") or {}).get("action") or DELIVER)


def mark_of(one: Plain) -> tuple[str, Tone] | None:
    """What a row is marked with; None where mail goes where it should."""
    return {
        CAPTURE: (tr("Captures"), Tone.WARNING),
        REDIRECT: (tr("Redirects"), Tone.WARNING),
        COPY: (tr("Keeps copies"), Tone.ACCENT),
    }.get(action_of(one))


class HandlingCard(Card):
    """``handling`` of the form's object. What was typed as the address is kept while something else is chosen."""

    def __init__(self, form: Form, *, of_gateway: bool) -> None:
        super().__init__(tr("What happens to the mail"))
        self._form = form
        self._of_gateway = of_gateway
        self._action = ChoiceField(handling_choices())
        self._address = TextField("developers@example.com")
        self.action = FieldRow(tr("Handling"), self._action)
        self.address = FieldRow(
            tr("Redirect to"), self._address, tr("The recipients are named in a header field on top of each message.")
        )
        self.add_fields(self.action, self.address)
        self.mark = Banner(Tone.WARNING)
        self.mark.hide()
        self.add(self.mark)
        form.add_custom("handling", self.action, self._show, errors_at=("handling.action",))
        form.add_custom("handling", self.address, lambda _value: None, errors_at=("handling.address",))
        self._action.chosen.connect(self._chosen)
        self._address.textEdited.connect(lambda _text: form.model.set("handling", self.value()))
        self._address.left.connect(lambda: form.model.touch("handling.address"))

    def value(self) -> dict[str, Any]:
        action = str(self._action.value() or DELIVER)
        return {"action": action, "address": self._address.text().strip()} if action == REDIRECT else {"action": action}

    def follow(self) -> None:
        """Show the address where one is needed, and say loudly what does not arrive."""
        action = str(self._action.value() or DELIVER)
        self.address.setVisible(action == REDIRECT)
        self.action.set_help(self._help(action))
        self.mark.setVisible(action in HOLDS_BACK)
        if action == CAPTURE:
            self.mark.tell(
                Tone.WARNING,
                tr("This mail is not delivered to anybody."),
                tr("It lies in the test inbox until it is released or its time is over."),
            )
        elif action == REDIRECT:
            self.mark.tell(
                Tone.WARNING,
                tr("This mail does not reach its recipients."),
                tr("All of it goes to this one address, whoever it is for."),
            )

    def _help(self, action: str) -> str:
        if action == COPY:
            return tr("The mail goes on as usual, and a copy of each message lies in the test inbox.")
        if action != DELIVER:
            return ""
        if self._of_gateway:
            return tr("Mail that takes this gateway goes to its next server.")
        return tr("Mail that comes in here goes to its recipients.")

    def _chosen(self) -> None:
        self._form.model.set("handling", self.value())
        self.follow()

    def _show(self, value: Any) -> None:
        value = value or {"action": DELIVER}
        self._action.set_value(value.get("action", DELIVER))
        address = str(value.get("address") or "")
        is_begun = (self._form.model.original.get("handling") or value) == value
        if self._address.text().strip() != address and (address or is_begun):
            self._address.setText(address)
        self.follow()
