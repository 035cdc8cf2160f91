"""What lists and strips have in common: long work in the foot of a list, choices above it, what a strip is called."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from gatepost.desktop.cards.search_mark import SIDE, SearchMark
from gatepost.desktop.pages.lists.filter_bar import Choice, SearchBox
from gatepost.desktop.pages.lists.list_card import Foot
from gatepost.desktop.pages.lists.split import ListAndDetail
from gatepost.desktop.pages.lists.worker import Progress, Worker
from gatepost.desktop.strips import Strip
from gatepost.desktop.theme import px


async def _work(progress: Progress) -> int:
    progress(1, 2)
    await asyncio.sleep(0)
    return 1


async def test_work_leaves_nothing_behind_however_often_it_is_done() -> None:
    foot = Foot()
    worker = Worker(foot)
    before = len(foot.findChildren(QTimer))
    for _ in range(5):
        assert await worker.run("Deleting…", _work) == 1
    assert len(foot.findChildren(QTimer)) == before
    assert not worker.is_busy


@pytest.mark.parametrize("quietly", [False, True])
async def test_only_what_somebody_stopped_is_said_to_have_been_stopped(quietly: bool) -> None:
    foot = Foot()
    worker = Worker(foot)

    async def never(_progress: Progress) -> None:
        await asyncio.Event().wait()

    running = asyncio.ensure_future(worker.run("Searching…", never))
    await asyncio.sleep(0)
    worker.stop(quietly=quietly)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert foot._count.text().startswith("Stopped.") is not quietly


def test_a_choice_is_not_changed_by_a_wheel_that_passes_over_it() -> None:
    choice = Choice("State", [("", "All"), ("held", "Held")])
    choice.show()
    choice.clearFocus()
    wheel = QWheelEvent(
        QPointF(4, 4), QPointF(4, 4), QPoint(0, 0), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(choice, wheel)
    assert choice.currentIndex() == 0


def test_a_strip_is_called_by_what_it_says() -> None:
    strip = Strip("warning", "relay-notice")
    strip.say("The relay does not answer.", "What you typed is kept.")
    assert strip.accessibleName() == "The relay does not answer."
    assert strip.accessibleDescription() == "What you typed is kept."


def test_in_a_low_window_details_take_the_place_of_the_list_until_they_are_closed() -> None:
    card = QWidget()
    split = ListAndDetail(card, QWidget)
    split.resize(600, 240)
    split.show()
    split.open()
    QApplication.processEvents()
    assert not card.isVisible()
    assert split.is_open
    split.resize(600, 700)
    QApplication.processEvents()
    assert card.isVisible(), "there is room for both"
    split.resize(600, 240)
    split.close_detail()
    assert card.isVisible()
    split.hide()


def test_the_mark_of_a_search_box_grows_with_the_text() -> None:
    box = SearchBox("Search", "Sender")
    box.resize(300, 40)
    box.show()
    mark = box.findChildren(SearchMark)[0]
    assert mark.width() == mark.height() == px(SIDE)
    assert box.textMargins().left() > mark.width()
    box.hide()
