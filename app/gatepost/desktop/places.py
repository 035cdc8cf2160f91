"""What the person does about which relay is administered: choose, add, forget, start the service, move into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from .context import AppContext
from .i18n import tr
from .relay_chooser import LOCAL, SERVICE, RelayChooser
from .supervisor import Supervisor


class Places(QObject):
    """``may_close``: asks about drafts; a relay that is moved ends, one that is forgotten is left."""

    wanted = Signal(str)
    """Another relay is to be administered: its key in ``relay_chooser``."""

    def __init__(
        self, window: QWidget, context: AppContext, supervisor: Supervisor, may_close: Callable[[], Awaitable[bool]]
    ) -> None:
        super().__init__(window)
        self._window = window
        self._context = context
        self._supervisor = supervisor
        self._may_close = may_close

    def follow(self, chooser: RelayChooser) -> None:
        spawn = self._context.tasks.spawn
        chooser.key = self._context.place_key
        chooser.recolour()
        chooser.chosen.connect(self.wanted)
        chooser.add_wanted.connect(lambda: spawn(self.add(), "add a relay"))
        chooser.forget_wanted.connect(lambda name: spawn(self.forget(name), "forget a relay"))
        chooser.move_wanted.connect(lambda: spawn(self.move(), "move the relay into the service"))

    async def add(self) -> None:
        from .add_relay import AddRelayDialog

        dialog = AddRelayDialog(self._window)
        if await dialog.ask() == "added":
            self.wanted.emit(dialog.name)

    async def forget(self, name: str) -> None:
        from ..relays.book import RelayBook
        from .dialogs import confirm

        text = tr("Its address, its certificate and its token are removed from this computer. The relay itself goes on.")
        title = tr("Forget “{name}”?", name=name)
        if await confirm(self._window, title, text, tr("Forget"), is_dangerous=True) and await self._may_close():
            await RelayBook().remove(name)
            self.wanted.emit(LOCAL)

    async def move(self) -> None:
        from .move_dialog import MoveDialog

        if await self._may_close() and await MoveDialog(self._context.session.data_folder, self._window).ask() == "moved":
            self.wanted.emit(SERVICE)

    async def start_service(self, button: QPushButton) -> None:
        """Its process, by the system's manager; the system asks for the rights."""
        from .service_commands import Command, start_command

        button.setEnabled(False)
        try:
            await Command(start_command(), parent=self).run()
            self._supervisor.try_again()
        finally:
            button.setEnabled(True)
