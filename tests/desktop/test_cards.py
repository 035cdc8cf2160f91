"""The widgets that pages are made of: what they say, how the keyboard and the wheel work, how they fold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from gatepost.desktop.cards import (
    AddressListField,
    Answer,
    Badge,
    Card,
    ChoiceField,
    Dialog,
    Disclosure,
    ElidedLabel,
    FieldRow,
    FilterChips,
    LineChart,
    ListField,
    NumberField,
    PageBody,
    SecretAction,
    SecretField,
    Series,
    Switch,
    TextField,
    ask,
    assign_mnemonics,
    confirm,
    field_line,
    label,
    rows,
)
from gatepost.desktop.cards.chart import nice_top
from gatepost.desktop.cards.list_field import MANY
from gatepost.desktop.cards.mnemonics import mnemonic_of
from gatepost.desktop.cards.search_mark import SearchMark
from gatepost.desktop.cards.text import breakable
from gatepost.desktop.theme import Role, theme
from gatepost.model.report import SecretReport
from gatepost.model.secret import Secret

Show = Callable[..., Any]


@pytest.fixture(autouse=True)
def _light() -> Iterator[None]:
    theme().apply("light")
    yield
    theme().apply("light")


def _type(widget: QWidget, text: str) -> None:
    QTest.keyClicks(widget, text)


# --- labels ---


def test_a_long_word_is_broken_where_it_has_no_room_and_copied_whole(show: Show) -> None:
    word = "BAYES_00_AND_A_RULE_WITH_A_NAME_THAT_NEVER_ENDS=" + "x" * 60
    found = label(word, wrap=True, selectable=True)
    show(found, 160, 400)
    line = found.fontMetrics().height()
    assert found.heightForWidth(160) > 3 * line, "on several lines, not cut at the edge"
    assert found.text() == word
    found._select_all()
    QTest.keyClick(found, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == word
    assert found.accessibleName() == word
    found.setText("short")
    assert (found.text(), found.accessibleName(), QLabel.text(found)) == ("short", "short", "short")


def test_long_words_are_broken_behind_their_signs_and_everyday_ones_are_left_whole() -> None:
    assert breakable("BAYES_99, HTML_IMAGE_ONLY_08").split("\u200b") == ["BAYES_99, HTML_", "IMAGE_", "ONLY_", "08"]
    text = "Authentifizierungsverfahren a@example.com relay-1.test"
    assert breakable(text) == text
    assert max(map(len, breakable("ab" * 32).split("\u200b"))) <= 15


def test_a_column_is_as_high_as_its_broken_words_need(show: Show) -> None:
    window = QWidget()
    found = label("x" * 80, wrap=True)
    column = rows(window)
    column.addWidget(found)
    column.addStretch(1)
    show(window, 160, 600)
    assert found.height() >= found.heightForWidth(found.width()) > 3 * found.fontMetrics().height()


# --- fields and rows ---


def test_a_row_names_its_field_and_tells_what_is_wrong_with_it(show: Show) -> None:
    field = TextField()
    row = FieldRow("Server Address", field, "A host name.")
    show(row)
    assert field.accessibleName() == "Server Address"
    assert row.caption is not None
    assert row.caption.buddy() is field
    row.set_error("That is no host name.")
    assert field.accessibleDescription() == "That is no host name. A host name."
    assert field.property("role") == Role.WRONG.value
    row.set_error("")
    assert field.accessibleDescription() == "A host name."
    assert field.property("role") is None


def test_fields_stand_beside_each_other_where_there_is_room_and_else_below(show: Show) -> None:
    first, second = FieldRow("Address", TextField()), FieldRow("Port", NumberField())
    holder = show(field_line((first, 3), (second, 2)), 800, 100)
    assert first.y() == second.y()
    assert first.width() == pytest.approx(second.width() * 1.5, rel=0.05)
    wide = holder.heightForWidth(800)
    holder.resize(300, 300)
    QApplication.processEvents()
    assert second.y() > first.geometry().bottom()
    assert holder.heightForWidth(300) > wide


def test_what_is_wrong_stands_right_below_the_field(show: Show) -> None:
    field = TextField()
    row = show(FieldRow("Server Address", field, "A host name."), 400, 120)
    row.set_error("That is no host name.")
    _settle()
    below = sorted((found.mapTo(row, QPoint(0, 0)).y(), found.text()) for found in row.findChildren(QLabel))
    assert [text for y, text in below if y > field.y()] == ["That is no host name.", "A host name."]


def test_what_is_wrong_with_a_list_stands_above_what_adds_to_it(show: Show) -> None:
    field = ListField()
    row = show(FieldRow("Domains", field), 400, 160)
    row.set_error("This is needed.")
    _settle()
    told = next(found for found in row.findChildren(QLabel) if found.text() == "This is needed.")
    assert told.isVisible()
    assert told.mapTo(row, QPoint(0, 0)).y() < field.add_button.mapTo(row, QPoint(0, 0)).y()
    row.set_error("")
    assert not told.isVisible()


def test_a_number_alone_on_its_line_takes_half_of_it(show: Show) -> None:
    number, text = FieldRow("Weight", NumberField()), FieldRow("Address", TextField())
    holders = [show(field_line(row), 800, 80) for row in (number, text)]
    assert [holder.width() for holder in holders] == [800, 800]
    assert number.width() == pytest.approx(392, abs=8)
    assert text.width() == 800


def test_equal_fields_fold_into_lines_of_equal_length(show: Show) -> None:
    fields = [FieldRow(f"Figure {number}", NumberField()) for number in range(4)]
    holder = show(field_line(*fields), 640, 200)
    places = [(field.x() > 0, field.y() > 0) for field in fields]
    assert places == [(False, False), (True, False), (False, True), (True, True)], holder.width()


def test_what_keeps_a_place_beside_a_field_takes_no_line_below_it(show: Show) -> None:
    alone, kept = show(field_line(FieldRow("Level", TextField())), 300, 60), label("")
    folded = show(field_line((FieldRow("Level", TextField()), 3), (kept, 2)), 300, 60)
    assert folded.heightForWidth(200) == alone.heightForWidth(200)


def test_a_search_is_cleared_by_its_button(show: Show) -> None:
    box = QLineEdit()
    mark = SearchMark(box)
    theme().style(box)
    show(box, 300, 32)
    assert not mark.clear.isVisible()
    _type(box, "report")
    assert mark.clear.isVisible()
    assert mark.clear.accessibleName() == "Clear the search"
    QTest.mouseClick(mark.clear, Qt.MouseButton.LeftButton)
    assert box.text() == ""
    assert not mark.clear.isVisible()


@pytest.mark.parametrize("values", [(), ("192.0.2.1",), ("192.0.2.1", "10.0.0.0/8")])
def test_fields_of_a_list_end_where_the_other_fields_end(show: Show, values: tuple[str, ...]) -> None:
    addresses, other = AddressListField(), TextField()
    holder = QWidget()
    column = rows(holder)
    column.addWidget(addresses)
    column.addWidget(other)
    show(holder, 600, 300)
    addresses.set_values(values)
    _settle()
    for edit in addresses.findChildren(QLineEdit):
        assert edit.mapTo(holder, QPoint(edit.width(), 0)).x() == other.geometry().right() + 1
        signs = [sign for sign in edit.findChildren(QWidget) if sign.isVisible()]
        assert all(edit.width() - sign.x() <= edit.textMargins().right() + 4 for sign in signs), "the text runs under a sign"


@pytest.mark.parametrize("text", ["<b>bold</b>", "a & b", "<img src=x>"])
def test_labels_show_text_from_outside_as_it_is(text: str) -> None:
    for made in (label(text), label(text, wrap=True), ElidedLabel(text), Badge(text)):
        assert made.textFormat() is Qt.TextFormat.PlainText
        assert made.text() == text


def test_the_wheel_changes_no_choice_that_has_no_focus(show: Show) -> None:
    holder = QWidget()
    choice = ChoiceField([(1, "one"), (2, "two")], holder)
    other = QLineEdit(holder)
    show(holder)
    other.setFocus()
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, -120), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(choice, event)
    assert choice.value() == 1
    assert not event.isAccepted(), "the page scrolls instead"


def test_a_number_field_gives_numbers_and_nothing_where_it_may_be_empty(show: Show) -> None:
    whole, optional, decimal = NumberField(), NumberField(optional=True), NumberField(decimals=True)
    for field in (whole, optional, decimal):
        show(field)
    _type(whole.edit, "25x7")
    assert whole.value() == 257
    assert optional.value() is None
    _type(decimal.edit, "2,5")
    assert decimal.value() == 2.5
    decimal.set_value(10.0)
    assert decimal.edit.text() == "10"


def test_a_switch_is_a_check_box_for_the_keyboard(show: Show) -> None:
    switch = Switch("Enabled")
    show(switch, 200, 40)
    switch.setFocus()
    QTest.keyClick(switch, Qt.Key.Key_Space)
    assert switch.isChecked()
    QTest.mouseClick(switch, Qt.MouseButton.LeftButton, pos=QPoint(60, 10))
    assert not switch.isChecked()


def test_a_long_switch_takes_the_lines_that_it_needs() -> None:
    switch = Switch("I know that this accepts mail for anyone, and that others may abuse it to send mail through this server.")
    assert switch.heightForWidth(200) > switch.heightForWidth(1000) * 2


# --- lists ---


def test_a_paste_of_many_lines_makes_many_fields(show: Show) -> None:
    field = ListField()
    show(field)
    heard: list[int] = []
    field.changed.connect(lambda: heard.append(1))
    first = field.findChildren(QLineEdit)[0]
    first.setFocus()
    QGuiApplication.clipboard().setText("example.org\nexample.net, example.com;\n\n*.example.edu")
    QTest.keySequence(first, "Ctrl+V")
    assert field.values() == ("example.org", "example.net", "example.com", "*.example.edu")
    assert heard


def test_enter_goes_on_and_backspace_in_an_empty_field_goes_back(show: Show) -> None:
    field = ListField()
    show(field)
    first = field.findChildren(QLineEdit)[0]
    first.setFocus()
    _type(first, "example.org")
    QTest.keyClick(first, Qt.Key.Key_Return)
    second = QApplication.focusWidget()
    assert isinstance(second, QLineEdit)
    assert second is not first
    _type(second, "x")
    assert field.values() == ("example.org", "x")
    QTest.keyClick(second, Qt.Key.Key_Backspace)
    QTest.keyClick(second, Qt.Key.Key_Backspace)
    assert field.values() == ("example.org",)
    assert QApplication.focusWidget() is first


def test_very_many_values_are_lines_of_one_box(show: Show) -> None:
    field = ListField()
    show(field)
    values = tuple(f"d{number}.example" for number in range(MANY * 50))
    began = time.thread_time()
    field.set_values(values)
    assert time.thread_time() - began < 0.5
    assert field.values() == values
    field.set_values(values[:3])
    assert field.values() == values[:3]
    assert not field.box.isVisible()


def test_the_address_list_says_what_it_understood(show: Show) -> None:
    field = AddressListField()
    field.setAccessibleName("IP Addresses")
    show(field)
    field.set_values(("192.0.2.1", "10.0.0.0/24", "2001:db8::/64", "nonsense"))
    notes = [edit.accessibleDescription() for edit in field.findChildren(QLineEdit)]
    assert notes == ["1 address", "256 addresses", "2^64 addresses", ""]
    names = [edit.accessibleName() for edit in field.findChildren(QLineEdit)]
    assert names == [f"IP Addresses {number}" for number in range(1, 5)]


def test_an_error_stands_at_the_value_it_is_about(show: Show) -> None:
    field = ListField()
    show(field)
    field.set_values(("a.example", "b example"))
    field.set_errors({1: "no domain"})
    roles = [edit.property("role") for edit in field.findChildren(QLineEdit)]
    assert roles == [None, Role.WRONG.value]


# --- secrets ---


def test_a_stored_password_is_told_and_never_shown(show: Show) -> None:
    field = SecretField()
    field.setAccessibleName("Auth Password")
    show(field)
    field.set_stored(SecretReport("gateway/gw-1/password", time.mktime((2026, 11, 12, 9, 0, 0, 0, 0, -1)), "GNOME Keyring"))
    assert not field.edit.isVisible()
    assert any("Stored in GNOME Keyring (12 Nov" in found.text() for found in field.findChildren(QLabel))
    assert field.change().action is SecretAction.KEEP
    assert field.will_be_there


def test_a_password_is_replaced_removed_and_kept_after_all(show: Show) -> None:
    field = SecretField()
    show(field)
    field.set_stored(SecretReport("x", time.time(), "GNOME Keyring"))
    replace, remove, keep = (b for b in field.findChildren(QPushButton))
    replace.click()
    _type(field.edit, "s3cret")
    assert field.change().action is SecretAction.REPLACE
    assert field.change().value == Secret("s3cret")
    assert "s3cret" not in repr(field.change())
    keep.click()
    assert field.change().action is SecretAction.KEEP
    remove.click()
    assert field.change().action is SecretAction.REMOVE
    assert not field.will_be_there


# --- the rest ---


def test_letters_are_given_out_once_and_survive_new_texts(show: Show) -> None:
    card = Card("Options")
    card.add_fields(FieldRow("Port", TextField()), FieldRow("Password", TextField()), FieldRow("Proxy", TextField()))
    button = QPushButton("Save && go on")
    card.add(button)
    show(card)
    assign_mnemonics(card)
    assign_mnemonics(card)
    texts = [found.text() for found in card.findChildren(QLabel) if found.buddy() is not None] + [button.text()]
    letters = [mnemonic_of(text) for text in texts]
    assert all(letters)
    assert len(set(letters)) == len(letters)
    assert button.text().replace("&&", "+").replace("&", "") == "Save + go on"


def test_what_is_hidden_needs_no_letter(show: Show) -> None:
    card = Card("Options")
    more = Disclosure("More")
    more.add(FieldRow("Port", TextField()))
    card.add(FieldRow("Port", TextField()))
    card.add(more)
    show(card)
    assign_mnemonics(card)
    shown, hidden = (found for found in card.findChildren(QLabel) if found.buddy() is not None)
    assert mnemonic_of(shown.text())
    assert not mnemonic_of(hidden.text())
    more.open()
    assign_mnemonics(card)
    assert mnemonic_of(hidden.text()) != mnemonic_of(shown.text())


def test_chips_are_chosen_with_the_arrow_keys(show: Show) -> None:
    chips = FilterChips("Mode", [("all", "All"), ("out", "Outbound"), ("in", "Inbound")])
    show(chips)
    heard: list[str] = []
    chips.chosen.connect(heard.append)
    chips.findChildren(QPushButton)[0].setFocus()
    QTest.keyClick(chips, Qt.Key.Key_Right)
    assert heard == ["out"]
    assert chips.current == "out"


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (3, 3), (4, 4), (37, 40), (74, 80), (401, 800), (1000, 1000), (18204, 20000)]
)
def test_the_scale_of_a_chart_has_round_steps(highest: float, top: float) -> None:
    assert nice_top(highest) == top
    assert nice_top(highest) >= highest


def test_a_chart_tells_its_newest_values_and_draws_in_a_few_milliseconds(show: Show) -> None:
    chart = LineChart("Throughput")
    chart.set_data([f"{i}" for i in range(300)], [Series("Delivered", list(range(300))), Series("Deferred", [1.0] * 300)])
    show(chart, 800, 300)
    assert chart.accessibleDescription() == "Delivered: 299, Deferred: 1"
    spans = []
    for _ in range(5):
        began = time.thread_time()
        chart.grab()
        spans.append(time.thread_time() - began)
    assert min(spans) < 0.03


def test_a_page_never_scrolls_sideways(show: Show) -> None:
    body = PageBody()
    body.add(Card("A card", "with a rather long explanation " * 10))
    body.add(FieldRow("A field", TextField(), "help " * 50))
    show(body, 500, 400)
    assert body.widget().width() <= body.viewport().width()


def test_cards_end_at_the_same_line_with_and_without_a_scroll_bar(show: Show) -> None:
    theme().style(body := PageBody())
    card = Card("A card")
    card.body.addWidget(tall := QWidget())
    body.add(card)
    show(body, 700, 300)
    ends = []
    for height in (10, 900):
        tall.setFixedHeight(height)
        _settle()
        ends.append(card.mapTo(body, QPoint(card.width(), 0)).x())
        assert (body.verticalScrollBar().maximum() > 0) == (height > 300)
    assert ends[0] == ends[1]


def test_a_dialog_is_as_high_as_its_words_need_and_grows_with_them(show: Show) -> None:
    dialog = Dialog(None, "A question")
    dialog.add(label("Words that are long enough to take several lines in a narrow dialog. " * 4, wrap=True))
    more = label("What came of it is said at some length, so that it takes two lines at least. " * 2, wrap=True)
    more.hide()
    dialog.add(more)
    dialog.add_button("", "Close")
    dialog.open()
    _settle()
    assert dialog.height() == _needed(dialog)
    before = dialog.height()
    more.show()
    _settle()
    assert dialog.height() == _needed(dialog) > before
    dialog.close()
    dialog.deleteLater()


async def test_enter_never_gives_a_dangerous_answer(show: Show) -> None:
    parent = show(QWidget())
    answers: list[bool] = []
    for is_dangerous in (True, False):
        asking = asyncio.ensure_future(confirm(parent, "Delete it?", "It is gone then.", "Delete", is_dangerous=is_dangerous))
        await asyncio.sleep(0)
        QTest.keyClick(parent.findChildren(Dialog)[-1], Qt.Key.Key_Return)
        answers.append(await asking)
    assert answers == [False, True]


def _needed(dialog: Dialog) -> int:
    layout = dialog.layout()
    assert layout is not None
    return layout.totalHeightForWidth(dialog.width())


def _settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


async def test_a_question_is_answered_without_blocking_others(show: Show) -> None:
    parent = show(QWidget())

    def press() -> None:
        dialog = QApplication.activeModalWidget() or next(w for w in QApplication.topLevelWidgets() if w is not parent)
        next(b for b in dialog.findChildren(QPushButton) if "Delete" in b.text().replace("&", "")).click()

    from PySide6.QtCore import QTimer

    QTimer.singleShot(0, press)
    answer = await ask(parent, "Delete it?", "It cannot be undone.", [Answer("no", "Cancel"), Answer("yes", "Delete")])
    assert answer == "yes"


def test_many_values_that_stay_the_same_leave_the_cursor_where_it_is(show: Show) -> None:
    field = ListField()
    show(field)
    values = [f"{number}.example.com" for number in range(60)]
    field.set_values(values)
    cursor = field.box.textCursor()
    cursor.setPosition(500)
    field.box.setTextCursor(cursor)
    field.set_values(values)
    assert field.box.textCursor().position() == 500


def test_the_keyboard_stays_in_a_secret_that_is_removed_and_kept(show: Show) -> None:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    field, after = SecretField(), QLineEdit()
    layout.addWidget(field)
    layout.addWidget(after)
    field.set_stored(SecretReport("x", time.time(), "Vault"))
    show(holder)
    holder.activateWindow()
    field._remove.setFocus()
    QTest.keyClick(field._remove, Qt.Key.Key_Space)
    assert field._undo.hasFocus()
    QTest.keyClick(field._undo, Qt.Key.Key_Space)
    assert field._replace.hasFocus()
    assert not after.hasFocus()
