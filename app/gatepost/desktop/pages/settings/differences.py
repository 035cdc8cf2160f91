"""What differs between two configurations, in words: which object, which field, what it was and what it becomes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFrame, QWidget

from ...cards import label, rows
from ...i18n import ntr, tr
from ...relay_texts import said
from ...theme import Role, px, set_role
from ..fault_words import rule_name
from ..wording import Plain, gateway_name, listener_name

if TYPE_CHECKING:
    from ....control.schema import Difference
    from ....model.report import LaneMove

SHOWN = 50
LONGEST = 160


class DifferenceList(QFrame):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, Role.INSET)
        self._rows = rows(self, gap=10)
        self._rows.setContentsMargins(px(14), px(12), px(14), px(12))

    def tell(self, differences: Sequence[Difference], names: Plain) -> None:
        """``names``: a configuration, to call objects by their names."""
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for one in differences[:SHOWN]:
            self._rows.addWidget(_row(one, names))
        if len(differences) > SHOWN:
            self._rows.addWidget(label(ntr("{n} more", "{n} more", len(differences) - SHOWN), Role.MUTED))
        if not differences:
            self._rows.addWidget(label(tr("No setting differs."), Role.MUTED))


def _row(one: Difference, names: Plain) -> QWidget:
    holder = QWidget()
    column = rows(holder, gap=1)
    column.addWidget(label(path_words(one, names), Role.STRONG, wrap=True, selectable=True))
    column.addWidget(label(change_words(one), wrap=True, selectable=True))
    return holder


def path_words(one: Difference, names: Plain) -> str:
    """“Gateways · Main relay · port”. Fields bear the names of the API and the command line."""
    parts = one.path.split(".")
    collections = {
        "gateways": tr("Gateways"),
        "domains": tr("Domains"),
        "listeners": tr("Listeners"),
        "trusted_networks": tr("Trusted networks"),
        "users": tr("Relay users"),
        "dkim_keys": tr("DKIM keys"),
        "trays": tr("Trays"),
        "faults": tr("Faults"),
        "inbox": tr("Kept mail"),
        "spam": tr("Spam"),
        "virus": tr("Virus scan"),
        "settings": tr("Settings"),
    }
    found = [collections.get(parts[0], parts[0])]
    rest = parts[1:]
    if parts[0] not in ("spam", "virus", "settings", "inbox") and rest:
        if rest[0] == "order" and len(rest) == 1:
            return f"{found[0]} · {tr('Order')}"
        given = one.after if isinstance(one.after, dict) else one.before if isinstance(one.before, dict) else None
        known = given if len(rest) == 1 and given else next((o for o in names.get(parts[0], ()) if o["id"] == rest[0]), None)
        found.append(object_name(parts[0], known) if known else rest[0])
        rest = rest[1:]
    if rest:
        found.append(".".join(rest).replace("_", " "))
    return " · ".join(found)


def object_name(collection: str, one: Plain) -> str:
    match collection:
        case "gateways":
            return gateway_name(one)
        case "listeners":
            return listener_name(one)
        case "trusted_networks":
            return str(one["description"] or one["network"])
        case "users":
            return str(one["username"])
        case "trays":
            return str(one["name"])
        case "faults":
            return rule_name(one)
        case "domains" | "dkim_keys":
            return str(one["domain"])
        case _:
            return str(one.get("id", ""))


def change_words(one: Difference) -> str:
    if one.before is None and isinstance(one.after, dict):
        return tr("Added")
    if one.after is None and isinstance(one.before, dict):
        return tr("Deleted")
    return tr("{before} → {after}", before=value_words(one.before), after=value_words(one.after))


def value_words(value: Any) -> str:
    if value is None or value == "" or value == []:
        return tr("nothing")
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
        text = ", ".join(str(part) for part in value)
    elif isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def moves_words(moves: Iterable[LaneMove]) -> list[str]:
    return [
        ntr(
            "{n} waiting message: {after} (now: {before})",
            "{n} waiting messages: {after} (now: {before})",
            move.count,
            before=said(move.before),
            after=said(move.after),
        )
        for move in moves
    ]
