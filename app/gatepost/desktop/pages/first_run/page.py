"""Leads through the first three steps; each can be skipped, and all can be visited again from the menu."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtWidgets import QPushButton, QWidget

from ...cards import Badge, Flow, PageBody, PageHeader, Tone, assign_mnemonics, rows
from ...context import AppContext
from ...i18n import tr
from ...theme import Role, set_role
from ..page import Page
from .primary import PrimaryStep
from .provider import ProviderStep
from .purpose import CAPTURE, SEND, PurposeStep
from .test_message import MessageStep

if TYPE_CHECKING:
    from ....control.schema import EventMessage
    from ..inbox.empty import Place
    from .capture import CapturedStep, InboxStep

DONE = "first-run/done"

Step = TypeVar("Step", bound=QWidget)


class FirstRunPage(Page):
    key = "first-run"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        outer = rows(self, gap=0)
        body = PageBody(widest=820)
        outer.addWidget(body)
        self._body = body
        header = PageHeader(tr("Welcome to Gatepost"), tr("Three steps to your first delivered message."))
        self.skip = QPushButton(tr("Skip"))
        set_role(self.skip, Role.QUIET)
        self.skip.setToolTip(tr("You find these steps in the menu whenever you want them."))
        self.skip.clicked.connect(lambda: self._finish())
        header.add_action(self.skip)
        body.add(header)
        self.where = Steps()
        body.add(self.where)
        self.purpose = PurposeStep()
        body.add(self.purpose)
        self._shown: QWidget = self.purpose
        self._purpose = SEND
        self.purpose.chosen.connect(self._chosen)
        self.purpose.import_wanted.connect(lambda: self.context.navigate("settings", section="transfer"))
        self._show(self.purpose, 0)

    # Each further step is made when one comes to it.

    @cached_property
    def provider(self) -> ProviderStep:
        made = self._add(ProviderStep(self.context, self.spawn))
        made.back_wanted.connect(lambda: self._show(self.purpose, 0))
        made.saved.connect(self._provider_saved)
        return made

    @cached_property
    def primary(self) -> PrimaryStep:
        made = self._add(PrimaryStep(self.context, self.spawn))
        made.back_wanted.connect(lambda: self._show(self.purpose, 0))
        made.saved.connect(self._primary_saved)
        return made

    @cached_property
    def message(self) -> MessageStep:
        made = self._add(MessageStep(self.context, self.spawn))
        made.back_wanted.connect(lambda: self._chosen(self._purpose))
        made.finished.connect(lambda: self._finish())
        return made

    @cached_property
    def inbox(self) -> InboxStep:
        from .capture import InboxStep

        made = self._add(InboxStep(self.context, self.spawn))
        made.back_wanted.connect(lambda: self._show(self.purpose, 0))
        made.saved.connect(self._inbox_saved)
        return made

    @cached_property
    def captured(self) -> CapturedStep:
        from .capture import CapturedStep

        made = self._add(CapturedStep(self.spawn))
        made.back_wanted.connect(lambda: self._chosen(CAPTURE))
        made.finished.connect(lambda: self._finish())
        made.inbox_wanted.connect(lambda: self._finish("inbox"))
        return made

    def _add(self, step: Step) -> Step:
        step.hide()
        self._body.add(step)
        return step

    def _show(self, step: QWidget, number: int) -> None:
        self._shown.hide()
        self._shown = step
        step.show()
        self.where.show_step(number)
        assign_mnemonics(self)

    def _chosen(self, purpose: str) -> None:
        self._purpose = purpose
        if purpose == CAPTURE:
            self._show(self.inbox, 1)
            self.spawn(self.inbox.begin(), "propose a port")
            return
        self._show(self.provider if purpose == SEND else self.primary, 1)

    def _provider_saved(self, gateway: str) -> None:
        username = str(self.provider.model.get("auth.username") or "")
        address = username if "@" in username else ""
        self.message.begin(gateway, address, address)
        self._show(self.message, 2)

    def _primary_saved(self, domain: str) -> None:
        self.message.begin(None, f"postmaster@{domain}", f"postmaster@{domain}")
        self._show(self.message, 2)

    def _inbox_saved(self, listener: str, place: Place) -> None:
        self.captured.begin(listener, place)
        self._show(self.captured, 2)

    def on_event(self, event: EventMessage) -> None:
        if self._shown is self.__dict__.get("captured"):
            self.captured.on_event(event)

    async def refresh(self) -> None:
        """Nothing here is loaded: what was typed stays."""

    def _finish(self, page: str = "overview") -> None:
        if (provider := self.__dict__.get("provider")) is not None:
            provider.forget_secrets()
        self.context.preferences.set_flag(DONE, True)
        self.context.navigate(page)


class Steps(QWidget):
    """Where one is, in words and colours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        flow = Flow(self)
        self._names = (tr("Purpose"), tr("Connection"), tr("Test message"))
        self._badges = [Badge() for _ in self._names]
        for badge in self._badges:
            flow.addWidget(badge)

    def show_step(self, current: int) -> None:
        for number, (badge, name) in enumerate(zip(self._badges, self._names, strict=True)):
            tone = Tone.GOOD if number < current else (Tone.ACCENT if number == current else Tone.NEUTRAL)
            badge.set(tr("{number} · {name}", number=number + 1, name=name), tone)
        said = tr("Step {number} of 3: {name}", number=current + 1, name=self._names[current])
        self.setAccessibleName(said)
        self.setToolTip(said)
