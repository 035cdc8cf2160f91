"""New contents for a message whose header inspection has edited: its body is never touched, and never held when it is large."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from ..store.bodies import Bodies, BodyFile
from ..store.values import Content
from .inspection.editing import HeadEdit
from .inspection.message import MAX_HEADER


class Rewriter:
    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies

    async def rewrite(self, content: Content, edits: Sequence[HeadEdit]) -> list[Content]:
        """One content for each edit. What stood in a file belongs to them afterwards or is gone; on failure it stays.

        Raises StoreError.
        """
        made: list[Content] = []
        is_used = False
        try:
            for edit in edits:
                if isinstance(content, bytes):
                    made.append(_edited(content, edit))
                elif not edit.changes_nothing:
                    made.append(await self._edited_file(content, edit))
                else:
                    made.append(await self._bodies.copy(content) if is_used else content)
                    is_used = True
        except BaseException:
            for body in made:
                if isinstance(body, BodyFile) and body is not content:
                    body.discard()
            raise
        if isinstance(content, BodyFile) and not is_used:
            content.discard()
        return made

    async def _edited_file(self, content: BodyFile, edit: HeadEdit) -> BodyFile:
        head, skipped = edit.apply(await content.read_start(MAX_HEADER))
        writer = self._bodies.open_body()
        try:
            await writer.write(head)
            async with contextlib.aclosing(content.chunks()) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    if skipped < len(chunk):
                        await writer.write(chunk[skipped:] if skipped else chunk)
                    skipped = max(0, skipped - len(chunk))
            return await writer.finish(line_ends_checked=content.line_ends_checked)
        except BaseException:
            writer.discard()
            raise


def _edited(content: bytes, edit: HeadEdit) -> bytes:
    if edit.changes_nothing:
        return content
    head, end = edit.apply(content)
    return head + content[end:]
