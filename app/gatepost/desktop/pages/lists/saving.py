"""Messages as files: asked for with a dialog that blocks nothing, written as they arrive, never by a name from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from ....model.errors import GatepostError, NotFound
from ...dialogs import show_dialog
from ...i18n import tr
from .file_names import unused

Content = Callable[[str], AsyncIterator[bytes]]
"""A message's octets by its queue id."""


async def ask_where(parent: QWidget, queue_ids: Sequence[str]) -> Path | None:
    """A file for one message, a folder for several; None when the person cancelled."""
    if len(queue_ids) != 1:
        return await ask_folder(parent, tr("Choose a folder for the messages"))
    dialog = QFileDialog(parent, tr("Save message"), _documents(), tr("Mail messages (*.eml)"))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("eml")
    dialog.selectFile(f"{queue_ids[0]}.eml")
    return await _chosen(dialog)


async def ask_file(parent: QWidget, title: str, name: str) -> Path | None:
    """``name`` is proposed; see ``file_names``."""
    dialog = QFileDialog(parent, title, _documents())
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.selectFile(name)
    return await _chosen(dialog)


async def ask_folder(parent: QWidget, title: str) -> Path | None:
    dialog = QFileDialog(parent, title, _documents())
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    return await _chosen(dialog)


def _documents() -> str:
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation) or str(Path.home())


async def _chosen(dialog: QFileDialog) -> Path | None:
    if not await show_dialog(dialog):
        return None
    chosen = dialog.selectedFiles()
    return Path(chosen[0]) if chosen else None


async def save(content: Content, queue_ids: Sequence[str], where: Path, progress: Callable[[int, int], None]) -> int:
    """Write them; returns how many. What has left the spool meanwhile is left out, unless it is the only one. Of several, none
    overwrites a file: only for one there was a question.

    Raises GatepostError in words when the disk refuses. A file that could not be written whole is removed.
    """
    saved = 0
    for number, queue_id in enumerate(queue_ids):
        path = where if len(queue_ids) == 1 else await asyncio.to_thread(unused, where, f"{queue_id}.eml")
        try:
            await write(content(queue_id), path)
            saved += 1
        except NotFound:
            if len(queue_ids) == 1:
                raise
        progress(number + 1, len(queue_ids))
    return saved


async def write(content: AsyncIterator[bytes], path: Path) -> None:
    """All of it, or nothing. Raises GatepostError in words when the disk refuses."""
    part = path.with_name(path.name + ".part")
    try:
        file = await asyncio.to_thread(part.open, "wb")
        try:
            async for chunk in content:
                await asyncio.to_thread(file.write, chunk)
        finally:
            await asyncio.to_thread(file.close)
        await asyncio.to_thread(part.replace, path)
    except OSError as error:
        raise GatepostError(
            tr("The message could not be saved."), f"{path}: {error.strerror or error}", tr("Choose another folder.")
        ) from None
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
