"""The loud mark above every page while mail is not delivered: what captures or redirects it, and the faults that are on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from .i18n import ntr, tr
from .strips import Strip

if TYPE_CHECKING:
    from ..model.report import NotDelivering, RelayReport

NAMED = 2
"""So many listeners and gateways are named; of more, the number is said."""
COPIES = "capture-and-deliver"
REDIRECTS = "redirect"


@dataclass(frozen=True, slots=True)
class Mark:
    """``page`` and ``arguments`` lead to where the first of them is changed."""

    title: str
    detail: str
    holds_back: bool
    has_faults: bool
    page: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()


def held_back(relay: RelayReport) -> list[NotDelivering]:
    """Where mail does not reach those whom it is for: without what is only copied."""
    return [one for one in relay.not_delivering if one.handling != COPIES]


def what_it_does(one: NotDelivering) -> str:
    if one.handling == REDIRECTS:
        return tr("{name} redirects all mail to {address}.", name=one.label, address=one.address)
    if one.handling == COPIES:
        return tr("{name} keeps a copy of all mail in the test inbox.", name=one.label)
    return tr("{name} captures all mail.", name=one.label)


def place_of(one: NotDelivering) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """The page where it is changed, and what that page is to show."""
    if one.kind == "listener":
        return "settings", (("section", "listeners"), ("id", one.id))
    return "gateways", (("gateway", one.id),)


def faults_words(faults: Sequence[str]) -> str:
    return ntr("{n} fault is switched on.", "{n} faults are switched on.", len(faults))


def mark_of(relay: RelayReport | None) -> Mark | None:
    """None while everything is delivered."""
    if relay is None:
        return None
    held = held_back(relay)
    if not held and not relay.faults:
        return None
    parts = [what_it_does(one) for one in held[:NAMED]]
    if len(held) > NAMED:
        parts.append(ntr("So does {n} more.", "So do {n} more.", len(held) - NAMED))
    if relay.faults:
        parts.append(faults_words(relay.faults))
    if held and relay.faults:
        title = tr("Mail is not delivered, and senders are disturbed on purpose.")
    elif held:
        title = tr("Mail is not delivered.")
    else:
        title = tr("Senders are disturbed on purpose.")
    page, arguments = place_of(held[0]) if held else ("", ())
    return Mark(title, " ".join(parts), bool(held), bool(relay.faults), page, arguments)


class DeliveryMark(Strip):
    """Stays as long as it is true: it cannot be closed."""

    def __init__(self, navigate: Callable[..., None], parent: QWidget | None = None) -> None:
        super().__init__("warning", "delivery-mark", parent)
        self._navigate = navigate
        self._shown: Mark | None = None
        self._inbox = self.add_button(tr("Show the test inbox"), lambda: navigate("inbox"), name="mark-inbox")
        self._change = self.add_button(tr("Open the gateway"), self._lead, name="mark-change")
        self._faults = self.add_button(
            tr("Show the faults"), lambda: navigate("settings", section="faults"), name="mark-faults"
        )

    def show_mark(self, mark: Mark) -> None:
        self._shown = mark
        self.say(mark.title, mark.detail)
        self._inbox.setVisible(mark.holds_back)
        self._change.setText(tr("Open the listener") if mark.page == "settings" else tr("Open the gateway"))
        self._change.setVisible(bool(mark.page))
        self._faults.setVisible(mark.has_faults)

    def _lead(self) -> None:
        if self._shown is not None and self._shown.page:
            self._navigate(self._shown.page, **dict(self._shown.arguments))
