"""Before a change that sends queued mail another way: say how much and where, and ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QWidget

from ....control.client import Client
from ....model.errors import InvalidInput
from ....model.report import LaneMove
from ...cards import confirm
from ...i18n import ntr, tr
from ...relay_texts import said


async def agree_to_moves(parent: QWidget, client: Client, identifier: str, gateway: dict[str, Any]) -> bool:
    """Whether to go on with replacing a gateway. True without a question when no queued mail moves."""
    try:
        tried = await client.replace("gateways", identifier, gateway, dry_run=True)
    except InvalidInput:
        return True  # saving will say what is wrong, at its field
    if not tried.moves:
        return True
    count = sum(move.count for move in tried.moves)
    question = ntr(
        "{n} queued message takes another way after this change.",
        "{n} queued messages take another way after this change.",
        count,
    )
    title = tr("Queued mail goes another way")
    return await confirm(parent, title, f"{question}\n\n{moves_in_words(tried.moves)}", tr("Save"))


def moves_in_words(moves: Sequence[LaneMove]) -> str:
    return "\n".join(
        ntr(
            "{n} message: {before} → {after}",
            "{n} messages: {before} → {after}",
            move.count,
            before=said(move.before),
            after=said(move.after),
        )
        for move in moves
    )
