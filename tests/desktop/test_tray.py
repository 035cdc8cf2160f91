from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gatepost.desktop.tray import Gathered, Tray

from .waiting import until


async def test_one_notification_is_handed_on_as_it_is() -> None:
    shown: list[tuple[str, str]] = []
    gathered = Gathered(lambda title, text: shown.append((title, text)), gather_ms=10)
    gathered.add("A gateway rests", "smtp.example.com")
    await until(lambda: shown, "it is shown")
    assert shown == [("A gateway rests", "smtp.example.com")]


async def test_many_at_once_become_one_that_counts_them() -> None:
    shown: list[tuple[str, str]] = []
    gathered = Gathered(lambda title, text: shown.append((title, text)), gather_ms=10)
    for number in range(40):
        gathered.add("A gateway rests" if number % 2 else "A listener failed", f"number {number}")
    gathered.add("A gateway rests", "number 1")
    await until(lambda: shown, "it is shown")
    ((title, text),) = shown
    assert title == "40 notices"
    assert len(text.splitlines()) == 4


async def test_the_menu_offers_to_pause_only_while_mail_runs() -> None:
    window = QWidget()
    tray = Tray(window)
    wanted: list[bool] = []
    tray.pause_wanted.connect(wanted.append)
    tray.show_state("Running", is_running=True, is_paused=False)
    assert tray._pause.isVisible()
    assert tray._pause.text() == "Pause delivery"
    tray._pause.trigger()
    tray.show_state("Delivery is paused", is_running=True, is_paused=True)
    tray._pause.trigger()
    assert wanted == [True, False]
    tray.show_state("Not running", is_running=False, is_paused=False)
    assert not tray._pause.isVisible()
