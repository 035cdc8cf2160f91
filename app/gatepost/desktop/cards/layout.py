"""Layouts that fold where there is no room, and the gaps between things."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLayout, QLayoutItem, QVBoxLayout, QWidget

from ..theme import Role, px, set_role

GAP = 16
"""Between the fields of a card, at 100 %."""


def rows(parent: QWidget | None = None, *, gap: float = GAP, margins: float = 0) -> QVBoxLayout:
    """Widgets below each other."""
    made = QVBoxLayout(parent) if parent is not None else QVBoxLayout()
    made.setSpacing(px(gap) if gap else 0)
    inset = px(margins) if margins else 0
    made.setContentsMargins(inset, inset, inset, inset)
    return made


def line(parent: QWidget | None = None, *, gap: float = 8, margins: float = 0) -> QHBoxLayout:
    """Widgets beside each other, on one line whatever happens."""
    made = QHBoxLayout(parent) if parent is not None else QHBoxLayout()
    made.setSpacing(px(gap) if gap else 0)
    inset = px(margins) if margins else 0
    made.setContentsMargins(inset, inset, inset, inset)
    return made


def divider() -> QFrame:
    made = QFrame()
    set_role(made, Role.DIVIDER)
    return made


@dataclass(slots=True)
class _Placed:
    item: QLayoutItem
    weight: int


class FoldingLayout(QLayout):
    """What both layouts below share: items in lines, each line as tall as its tallest item."""

    def __init__(self, parent: QWidget | None = None, *, gap: float, line_gap: float) -> None:
        super().__init__(parent)
        self._items: list[_Placed] = []
        self._next_weight = 1
        self._gap = px(gap)
        self._line_gap = px(line_gap)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(_Placed(item, self._next_weight))

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index].item if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index).item if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation.Horizontal

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:
        shown = self._shown()
        width = sum(self._wanted(placed) for placed in shown) + self._gap * max(0, len(shown) - 1)
        height = max((placed.item.sizeHint().height() for placed in shown), default=0)
        return QSize(width, height)

    def minimumSize(self) -> QSize:
        shown = self._shown()
        return QSize(
            max((placed.item.minimumSize().width() for placed in shown), default=0),
            max((placed.item.minimumSize().height() for placed in shown), default=0),
        )

    def _shown(self) -> list[_Placed]:
        return [placed for placed in self._items if not placed.item.isEmpty()]

    def _wanted(self, placed: _Placed) -> int:
        raise NotImplementedError

    def _widths(self, folded: list[_Placed], available: int) -> list[int]:
        raise NotImplementedError

    def _lines(self, available: int) -> list[list[_Placed]]:
        return self._lines_of(self._shown(), available)

    def _lines_of(self, shown: list[_Placed], available: int) -> list[list[_Placed]]:
        lines: list[list[_Placed]] = []
        used = 0
        for placed in shown:
            wanted = self._wanted(placed)
            if lines and used + self._gap + wanted <= available:
                lines[-1].append(placed)
                used += self._gap + wanted
            else:
                lines.append([placed])
                used = wanted
        return lines

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        y = rect.y()
        for number, folded in enumerate(self._lines(rect.width())):
            if number:
                y += self._line_gap
            widths = self._widths(folded, rect.width())
            height = max(_height(placed.item, width) for placed, width in zip(folded, widths, strict=True))
            if move:
                x = rect.x()
                for placed, width in zip(folded, widths, strict=True):
                    self._place(placed.item, QRect(QPoint(x, y), QSize(width, height)))
                    x += width + self._gap
            y += height
        return y - rect.y()

    def _place(self, item: QLayoutItem, rect: QRect) -> None:
        item.setGeometry(rect)


class Columns(FoldingLayout):
    """Fields beside each other, sharing the width by weight; below each other where one would get too narrow."""

    def __init__(self, parent: QWidget | None = None, *, narrow: float = 190) -> None:
        """``narrow``: the least width of a field of weight 2, at 100 %."""
        super().__init__(parent, gap=GAP, line_gap=GAP)
        self._narrow = narrow / 2

    def add(self, widget: QWidget, weight: int = 2) -> None:
        self._next_weight = weight
        self.addWidget(widget)

    def _lines(self, available: int) -> list[list[_Placed]]:
        """Equal ones on lines of equal length: four become two and two, not three and one. What only keeps a place beside
        others has no line of its own."""
        lines = super()._lines(available)
        lines = [line for line in lines if len(line) > 1 or len(lines) == 1 or not _says_nothing(line[0].item.widget())]
        shown = self._shown()
        if len(lines) < 2 or len({placed.weight for placed in shown}) > 1:
            return lines
        count = -(-len(shown) // len(lines))
        even = [shown[start : start + count] for start in range(0, len(shown), count)]
        fits = all(sum(map(self._wanted, line)) + self._gap * (len(line) - 1) <= available for line in even)
        return even if fits else lines

    def _wanted(self, placed: _Placed) -> int:
        caption = getattr(placed.item.widget(), "caption_width", 0)
        return max(px(self._narrow * placed.weight), placed.item.minimumSize().width(), caption)

    def _widths(self, folded: list[_Placed], available: int) -> list[int]:
        """By weight; one that needs more gets it from the others. A number on a line of its own gets half of it."""
        if len(self._shown()) == 1 and getattr(folded[0].item.widget(), "is_short", False):
            return [min(available, max((available - self._gap) // 2, self._wanted(folded[0])))]
        room = available - self._gap * (len(folded) - 1)
        found: dict[int, int] = {}
        waiting = list(range(len(folded)))
        while waiting:
            left = room - sum(found.values())
            total = sum(folded[index].weight for index in waiting)
            shares = {index: left * folded[index].weight // total for index in waiting}
            short = [index for index in waiting if shares[index] < self._wanted(folded[index])]
            if not short or len(waiting) == 1:
                found.update(shares)
                break
            found.update({index: self._wanted(folded[index]) for index in short})
            waiting = [index for index in waiting if index not in short]
        widths = [found[index] for index in range(len(folded))]
        widths[-1] += room - sum(widths)
        return widths


def _says_nothing(widget: QWidget | None) -> bool:
    return isinstance(widget, QLabel) and not widget.text()


class Flow(FoldingLayout):
    """Things in their own width, such as chips and buttons, on as many lines as they need."""

    def __init__(self, parent: QWidget | None = None, *, gap: float = 8) -> None:
        super().__init__(parent, gap=gap, line_gap=gap)

    def _wanted(self, placed: _Placed) -> int:
        return placed.item.sizeHint().width()

    def _widths(self, folded: list[_Placed], available: int) -> list[int]:
        return [min(available, self._wanted(placed)) for placed in folded]

    def _place(self, item: QLayoutItem, rect: QRect) -> None:
        height = min(rect.height(), item.sizeHint().height())
        item.setGeometry(QRect(rect.x(), rect.y() + (rect.height() - height) // 2, rect.width(), height))


class LeadLayout(FoldingLayout):
    """The first takes what room is left, the others their own width at its right; below it where there is not enough."""

    def __init__(self, parent: QWidget | None = None, *, gap: float = 12) -> None:
        super().__init__(parent, gap=gap, line_gap=gap * 2 / 3)

    def _wanted(self, placed: _Placed) -> int:
        item = placed.item
        return max(item.sizeHint().width() if placed is not self._items[0] else 0, item.minimumSize().width())

    def _lines(self, available: int) -> list[list[_Placed]]:
        shown = self._shown()
        if not shown or shown[0] is not self._items[0]:
            return super()._lines(available)
        lead, others = shown[0], shown[1:]
        rest = sum(self._wanted(placed) + self._gap for placed in others)
        least = max(min(lead.item.sizeHint().width(), px(240)), lead.item.minimumSize().width())
        if rest + least <= available:
            return [shown]
        return [[lead], *self._lines_of(others, available)]

    def _widths(self, folded: list[_Placed], available: int) -> list[int]:
        if folded[0] is self._items[0]:
            others = [self._wanted(placed) for placed in folded[1:]]
            return [available - sum(others) - self._gap * len(others), *others]
        return [min(available, self._wanted(placed)) for placed in folded]

    def _place(self, item: QLayoutItem, rect: QRect) -> None:
        height = min(rect.height(), _height(item, rect.width()))
        item.setGeometry(QRect(rect.x(), rect.y() + (rect.height() - height) // 2, rect.width(), height))


def _height(item: QLayoutItem, width: int) -> int:
    return item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()
