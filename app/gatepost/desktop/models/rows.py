"""A list as a Qt model: ids in the order shown, and rows fetched when somebody looks at them.

The relay sorts and filters; this side holds 8 octets for each row and a bounded cache. A row that is not there yet is
``None``: it is painted as a quiet skeleton, and fetched together with its neighbours as soon as painting is over. ``refresh``
compares the relay's newest ids with those shown and tells views of the few rows that came and went; only where much changed
do they begin anew, and the view then finds its selection and place again by id.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from ...model.errors import GatepostError
from ..i18n import tr
from .cache import RowCache
from .columns import Column
from .ids import Inserted, Removed, steps

FIRST = 500
"""Ids asked for before all of them: enough for the first screen, and there at once."""
_AROUND = 40
"""Rows fetched beyond those that are looked at, on either side."""
_MOST = 250
"""Rows fetched at once."""
_NEAR = 256

Index = QModelIndex | QPersistentModelIndex
Spawn = Callable[[Coroutine[Any, Any, Any], str], object]


class RowSource(Protocol):
    """Where a list comes from: one filter in one order. Another filter is another source."""

    async def ids(self, limit: int | None) -> array[int]:
        """In the order shown; the first so many, None for all."""

    async def rows(self, ids: Sequence[int]) -> Sequence[Any]:
        """Those that still exist, each with its ``id``."""


class NoRows:
    """The source of a list that shows nothing yet."""

    async def ids(self, limit: int | None) -> array[int]:
        return array("q")

    async def rows(self, ids: Sequence[int]) -> Sequence[Any]:
        return ()


class RowModel(QAbstractTableModel):
    """``spawn`` runs what fetches; its errors are the page's. Failures to fetch rows come as ``failed``."""

    about_to_change = Signal()
    """Rows are going to come, go or be arranged anew: time to remember a place."""
    changed = Signal()
    """They have. Comes after all the steps of one refresh."""
    loaded = Signal()
    """All ids of a new source are there."""
    rows_arrived = Signal()
    failed = Signal(object)
    """GatepostError"""

    def __init__(self, columns: Sequence[Column], spawn: Spawn, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self._spawn = spawn
        self._source: RowSource = NoRows()
        self._ids = array("q")
        self._direction = 0
        self._cache: RowCache[Any] = RowCache()
        self._is_loading = False
        self._serial = 0
        self._refreshing = asyncio.Lock()
        self._wanted: set[int] = set()
        self._last_wanted = 0
        self._fetching = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._fetch_wanted)

    # --- what is shown ---

    @property
    def ids(self) -> array[int]:
        """Not to be changed by others."""
        return self._ids

    @property
    def is_loading(self) -> bool:
        """A new source was asked and has not named all its rows."""
        return self._is_loading

    def row_at(self, position: int) -> Any | None:
        """None while it is not there; it will be fetched."""
        number = self._ids[position]
        if not self._cache.is_fresh(number):
            self._want(position)
        return self._cache.get(number)

    def known(self, number: int) -> Any | None:
        """The row as it was last seen, without fetching it."""
        return self._cache.get(number)

    def position_of(self, number: int, near: int = 0) -> int:
        """Where a row stands; -1 where it does not. Looks around ``near`` first."""
        ids = self._ids
        start = max(0, near - _NEAR)
        try:
            return start + ids[start : near + _NEAR].index(number)
        except ValueError:
            pass
        if self._direction:
            found = bisect_left(ids, self._direction * number, key=lambda n: self._direction * n)
            return found if found < len(ids) and ids[found] == number else -1
        try:
            return ids.index(number)
        except ValueError:
            return -1

    # --- loading ---

    async def show(self, source: RowSource, *, by_id: int = 0) -> None:
        """Show another source: its first rows at once, then all. ``by_id``: 1 or -1 where it sorts by id, up or down.

        Selections survive where their rows are still there. Raises what the source raises.
        """
        self._serial += 1
        serial = self._serial
        self._source, self._direction = source, by_id
        self._is_loading = True
        try:
            first = await source.ids(FIRST)
            if serial != self._serial:
                return
            self._begin_anew(first)
            if len(first) == FIRST:
                everything = await source.ids(None)
                if serial != self._serial:
                    return
                self._become(everything)
        finally:
            if serial == self._serial:
                self._is_loading = False
        self.loaded.emit()

    async def refresh(self) -> None:
        """Ask the relay again: rows that came and went, and what the visible ones look like now."""
        async with self._refreshing:
            serial = self._serial
            found = await self._source.ids(None)
            if serial != self._serial or self._is_loading:
                return
            self.refresh_rows()
            self._become(found)

    def refresh_rows(self) -> None:
        """Fetch again what is visible; until it is there the old rows stay."""
        self._cache.age()
        self._tell_all()

    def keep(self, rows: Sequence[Any]) -> None:
        """Rows that came with their ids need not be fetched."""
        self._cache.put((row.id, row) for row in rows)

    def extend(self, rows: Sequence[Any]) -> None:
        """Append rows to a list that is read page by page."""
        if not rows:
            return
        self.keep(rows)
        first = len(self._ids)
        self.beginInsertRows(QModelIndex(), first, first + len(rows) - 1)
        self._ids.extend(row.id for row in rows)
        self.endInsertRows()

    def clear(self) -> None:
        self._serial += 1
        self._is_loading = False
        self._source = NoRows()
        self._cache.clear()
        self._begin_anew(array("q"))

    def _become(self, ids: array[int]) -> None:
        if ids == self._ids:
            return
        found = steps(self._ids, ids)
        if found is None:
            self._begin_anew(ids)
            return
        self.about_to_change.emit()
        for step in found:
            last = step.first + step.count - 1
            if isinstance(step, Removed):
                self.beginRemoveRows(QModelIndex(), step.first, last)
                del self._ids[step.first : last + 1]
                self.endRemoveRows()
            elif isinstance(step, Inserted):
                self.beginInsertRows(QModelIndex(), step.first, last)
                self._ids[step.first : step.first] = ids[step.first : last + 1]
                self.endInsertRows()
        self.changed.emit()

    def _begin_anew(self, ids: array[int]) -> None:
        self.about_to_change.emit()
        self.beginResetModel()
        self._ids = ids
        self.endResetModel()
        self.changed.emit()

    # --- fetching rows, never while something is painted ---

    def _want(self, position: int) -> None:
        if len(self._wanted) < _MOST:
            self._wanted.add(position)
        self._last_wanted = position
        if not self._fetching and not self._soon.isActive():
            self._soon.start()

    def _fetch_wanted(self) -> None:
        """Those around the row that was looked at last; who looks at others as well will ask again."""
        if self._fetching or not self._wanted:
            return
        last = self._last_wanted
        near = [position for position in self._wanted if abs(position - last) <= _MOST // 2] or [last]
        self._wanted.clear()
        start = max(0, min(near) - _AROUND)
        around = self._ids[start : min(max(*near, last) + _AROUND + 1, start + _MOST)]
        self._cache.used(around)
        missing = [number for number in around if not self._cache.is_fresh(number)]
        if missing:
            self._fetching = True
            self._spawn(self._fetch(missing), "fetch rows")

    async def _fetch(self, numbers: list[int]) -> None:
        source = self._source
        try:
            rows = await source.rows(numbers)
        except GatepostError as error:
            self.failed.emit(error)
            return
        finally:
            self._fetching = False
        if source is not self._source:
            self._tell_all()
            return
        found = {row.id: row for row in rows}
        self._cache.put(found.items())
        gone = [number for number in numbers if number not in found]
        self._cache.forget(gone)
        self._drop(gone)
        self._tell_all()
        self.rows_arrived.emit()

    def _drop(self, gone: Sequence[int]) -> None:
        """Rows that left while they were being fetched."""
        if not gone:
            return
        absent = set(gone)
        near = self.position_of(gone[0])
        if near < 0:
            return
        start = max(0, near - _MOST)
        window = self._ids[start : near + 2 * _MOST]
        kept = array("q", (number for number in window if number not in absent))
        self._become(self._ids[:start] + kept + self._ids[start + len(window) :])

    def _tell_all(self) -> None:
        """Views paint again what they show; it costs what is visible."""
        if self._ids:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, len(self.columns) - 1))

    # --- Qt ---

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column = self.columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            row = self.row_at(index.row())
            if row is None:
                return tr("Loading…") if role == Qt.ItemDataRole.AccessibleTextRole else None
            if role == Qt.ItemDataRole.ToolTipRole and column.tooltip is not None:
                return column.tooltip(row)
            return column.text(row)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        return tr(self.columns[section].title) if role == Qt.ItemDataRole.DisplayRole else None
