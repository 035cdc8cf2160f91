"""What there is to see: every page as it is entered, and what a person does there that shows something else.

A page that is added to the registry is looked at by itself; list here only what needs a click.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gatepost.desktop.pages.registry import pages
from gatepost.model.gateway import GatewayMode

Act = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """``arguments`` go to ``Page.enter``; ``act`` is given the page afterwards."""

    name: str
    page: str
    arguments: dict[str, Any] = field(default_factory=dict)
    act: Act | None = None
    is_tall: bool = False
    """The page's whole body is shown, however long it is."""


async def _open_everything(page: Any) -> None:
    """Switch on whatever shows more fields, open whatever is folded."""
    from gatepost.desktop.cards import Disclosure

    draft = page.form.draft
    for path in ("auth.enabled", "smartermail.enabled", "spam.enabled", "verification.use_list", "verification.call_forward"):
        draft.set(path, True)
    page.form.form.refresh()
    for found in page.form.findChildren(Disclosure):
        found.open()


async def _try_to_save(page: Any) -> None:
    page.form.draft.set("host", "")
    page.form.draft.set("port", 70000)
    page.form.form.refresh()
    page.form.draft.show_all()


async def _choose_two(page: Any) -> None:
    page.list.table.selectRow(0)
    page.list.table.selectionModel().select(
        page.list.model.index(1, 0),
        page.list.table.selectionModel().SelectionFlag.Select | page.list.table.selectionModel().SelectionFlag.Rows,
    )


async def _search_in_vain(page: Any) -> None:
    page.list.search.setText("no such gateway")


GATEWAYS = (
    Scene("gateways-chosen", "gateways", act=_choose_two),
    Scene("gateways-nothing-found", "gateways", act=_search_in_vain),
    Scene("gateway-main", "gateways", {"gateway": "gw-main"}),
    Scene("gateway-resting", "gateways", {"gateway": "gw-bulk"}),
    *(Scene(f"gateway-new-{mode.value}", "gateways", {"new": mode.value}, is_tall=True) for mode in GatewayMode),
    *(
        Scene(f"gateway-full-{mode.value}", "gateways", {"new": mode.value}, _open_everything, is_tall=True)
        for mode in GatewayMode
    ),
    Scene("gateway-wrong", "gateways", {"gateway": "gw-main"}, _try_to_save),
)


def scenes() -> tuple[Scene, ...]:
    known = {entry.key for entry in pages()}
    plain = tuple(Scene(entry.key, entry.key) for entry in pages())
    return tuple(scene for scene in (*plain, *GATEWAYS) if scene.page in known)
