"""Looks into the pickup folder once a second, takes in what has settled, and deletes it once it is committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ....model.envelope import BodyType, Envelope, Origin, Recipient
from ....model.errors import GatepostError
from ....model.identifiers import queue_id
from ....model.pickup import PickupSettings
from ....model.report import Problem
from ....model.settings import Settings
from ....store.bodies import BodyFile
from ....store.values import LARGE_BODY, Content, NewMessage
from ...common.tasks import Tasks
from .. import head as heads
from .. import trace
from ..context import Inspected, ReceptionContext, Refused, Share, Times
from .folder import Changed, Folder, Seen, Unusable

if TYPE_CHECKING:
    from .letter import Letter

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 30.0
"""After trouble with the folder or the spool."""
AT_ONCE = 100
"""Files taken in between two looks."""
NAME = "pickup"
"""Stands for a listener's id."""

IsKnown = Callable[[int], Awaitable[bool]]
"""Whether the spool or the journal has a message of this id."""


class MarkerFile(Protocol):
    """Keeps plain data over a crash. Calls block."""

    def load(self) -> dict[str, Any]: ...
    def save(self, data: dict[str, Any]) -> None: ...


class PickupWatch:
    """``start`` and ``stop`` go with the mail plane; ``apply`` follows the settings."""

    def __init__(self, context: ReceptionContext, markers: MarkerFile, is_known: IsKnown, host_name: Callable[[], str]) -> None:
        self._context = context
        self._markers = markers
        self._is_known = is_known
        self._host_name = host_name
        self._tasks = Tasks("pickup")
        self._settings = Settings()
        self._running = False
        self._is_ending = False
        self._problem: Problem | None = None
        self._stuck: set[Seen] = set()
        """Could not be moved out of the way: left alone until they change."""
        self._last: frozenset[Seen] = frozenset()
        self._taking: dict[str, int] = {}
        """Ids under which files were about to be committed, by the files' keys."""
        self._changed = asyncio.Event()

    def apply(self, settings: Settings) -> None:
        if settings.pickup != self._settings.pickup:
            self._last, self._stuck, self._problem = frozenset(), set(), None
            self._changed.set()
        self._settings = settings

    def problems(self) -> list[Problem]:
        return [self._problem] if self._problem is not None and self._settings.pickup.enabled else []

    async def start(self) -> None:
        if self._running:
            return
        self._running, self._is_ending = True, False
        try:
            data = await asyncio.to_thread(self._markers.load)
            self._taking = {str(key): int(value) for key, value in data.get("taking", {}).items()}
        except (GatepostError, ValueError, TypeError, AttributeError) as error:
            log.warning("what was picked up last is not known: %s", error)
        self._tasks.spawn(self._look_for_ever(), "look into the pickup folder")

    async def stop(self) -> None:
        """The file that is being taken in is finished with, and deleted: the next start must not find it half done."""
        self._running = False
        self._is_ending = True
        self._changed.set()
        await self._tasks.finished()

    async def _look_for_ever(self) -> None:
        while self._running:
            self._changed.clear()
            pause: float | None = None
            if self._settings.pickup.enabled:
                pause = LOOK_SECONDS
                try:
                    await self.look()
                except (OSError, GatepostError) as error:
                    self._trouble(str(getattr(error, "strerror", None) or error))
                    pause = AGAIN_SECONDS
                except Exception as error:  # a defect of ours must not end the watch
                    log.exception("the pickup folder was not looked through")
                    self._trouble(f"{type(error).__name__}: see the relay's log.")
                    pause = AGAIN_SECONDS
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue

    async def look(self) -> int:
        """Once; how many files were taken in. What two looks find unchanged has settled. Raises OSError, StoreError."""
        settings = self._settings.pickup
        folder = Folder(settings.folder, settings.rejected, allow_shared=settings.allow_shared)
        if trouble := await asyncio.to_thread(folder.trouble):
            self._trouble(trouble)
            return 0
        found = await asyncio.to_thread(folder.look)
        if settings != self._settings.pickup:
            return 0  # another folder by now, which nobody has looked into
        settled = [file for file in found if file in self._last and file not in self._stuck][:AT_ONCE]
        self._last = frozenset(found)
        self._stuck &= self._last
        self._problem = self._problem if self._stuck else None
        taken = 0
        for file in settled:
            if self._is_ending or settings != self._settings.pickup:
                break
            taken += await self._take(folder, file, settings)
        return taken

    # --- one file ---

    async def _take(self, folder: Folder, file: Seen, settings: PickupSettings) -> int:
        if (marked := self._taking.get(file.key)) is not None and await self._is_known(marked):
            log.info("%s was taken in as %s before; it is deleted now", file.name, queue_id(marked))
            await self._done(folder, file)
            return 0
        from . import letter  # with the email package: only where there is a file

        limit = self._settings.spool.max_message_bytes
        try:
            raw = await asyncio.to_thread(folder.read, file, limit)
            if len(raw) > limit:
                raise Unusable(f"it is larger than {limit:,} octets")
            read = await asyncio.to_thread(letter.read, raw)
            self._check(read.content)
        except (Changed, FileNotFoundError):
            return 0
        except Unusable as reason:
            await self._reject(folder, file, "", str(reason))
            return 0
        except PermissionError as error:
            self._stuck.add(file)
            self._trouble(f"{file.name} cannot be read: {error.strerror}.")
            return 0
        return await self._accept(folder, file, read)

    def _check(self, content: bytes) -> None:
        head = heads.examine(content, trace.own_mark(self._host_name()))
        if head.received > self._settings.spool.max_received_headers:
            raise Unusable("it has passed too many servers: it goes round in circles")
        if head.own_passes > trace.OWN_PASSES:
            raise Unusable("it has passed this server too often: it goes round in circles")

    async def _accept(self, folder: Folder, file: Seen, read: Letter) -> int:
        context = self._context
        if not context.spool.has_room(len(read.content)):
            raise OSError(28, "there is not enough room in the spool")
        number, now = context.spool.allocate_id(), context.clock()
        content = self._with_trace(read, number, now)
        is_ascii = content.isascii()
        addresses = (read.sender, *read.recipients)
        envelope = Envelope(
            read.sender,
            tuple(Recipient(address) for address in read.recipients),
            BodyType.SEVEN_BIT if is_ascii else BodyType.EIGHT_BIT_MIME,
            not all(address.isascii() for address in addresses),
            origin=Origin(NAME, protocol="local"),
        )
        head = heads.examine(content, b"\0")
        value = await self._kept(content)
        shares: tuple[Share, ...] = (Share(envelope, value),)
        handed_over = False
        try:
            if context.inspect is not None:
                seen = await context.inspect(envelope, value, True)
                if not seen.shares:
                    await self._keep_nothing(folder, file, seen, self._message(shares[0], head, number, now))
                    return 0
                shares = seen.shares
            ids = [number, *(context.spool.allocate_id() for _ in shares[1:])]
            messages = [self._message(share, head, one, now) for share, one in zip(shares, ids, strict=True)]
            await self._mark(file, number)
            handed_over = True
            kept = await context.spool.submit_all(messages)
        finally:
            if not handed_over:
                for share in shares:
                    if isinstance(share.content, BodyFile):
                        share.content.discard()
        context.counters.add("accepted")
        context.counters.add("picked_up")
        for message, stored, share in zip(messages, kept, shares, strict=True):
            context.accepted(stored, share.content)
            if context.journal is not None:
                context.journal.received(message, stored)
            if share.notes and context.noted is not None:
                context.noted(stored, share.notes)
        log.info("%s: %s from the pickup folder", queue_id(number), file.name)
        await self._done(folder, file)
        return 1

    async def _keep_nothing(self, folder: Folder, file: Seen, seen: Inspected, message: NewMessage) -> None:
        """Inspection refused the message, or had it accepted and forgotten. What is refused for now stays where it is."""
        context, refusal = self._context, seen.refusal
        if refusal is not None and refusal.code < 500:
            raise OSError(0, str(refusal.text))
        if context.not_kept is not None and (seen.notes or refusal is None):
            context.not_kept(message, seen.notes)
        if refusal is not None:
            await self._reject(folder, file, message.envelope.sender, str(refusal.text))
        else:
            await self._done(folder, file)

    async def _kept(self, content: bytes) -> Content:
        if len(content) <= LARGE_BODY:
            return content
        writer = self._context.spool.bodies.open_body()
        try:
            await writer.write(content)
            return await writer.finish(line_ends_checked=True)
        except BaseException:
            writer.discard()
            raise

    def _with_trace(self, read: Letter, number: int, now: float) -> bytes:
        name, host_name = queue_id(number), self._host_name()
        head = heads.examine(read.content, trace.own_mark(host_name))
        recipient = read.recipients[0] if len(read.recipients) == 1 else ""
        target = f"\r\n\tfor <{recipient}>" if recipient else ""
        received = f"Received: by {host_name} ({trace.PRODUCT}) with local id {name}{target};\r\n\t{trace.date(now)}\r\n"
        missing = trace.missing_fields(head.has_date, head.message_id, name, host_name, now)
        return received.encode() + missing + read.content

    def _message(self, share: Share, head: heads.Head, number: int, now: float) -> NewMessage:
        context, spool = self._context, self._settings.spool
        parts = context.lanes(share.envelope)
        times = (
            context.times(parts, now) if context.times is not None
            else Times(now + spool.delivery_delay_seconds, now + spool.lifetime_hours * 3600, None)
        )  # fmt: skip
        subject = f"{share.subject_prefix} {head.subject}".rstrip() if share.subject_prefix else head.subject
        hold_until = None if share.hold_seconds is None else now + share.hold_seconds
        return NewMessage(
            share.envelope, share.content, parts, now, times.due_at, times.expires_at, times.delay_notice_at, subject,
            head.message_id, 0, share.hold, number, hold_until, share.quarantine,
        )  # fmt: skip

    async def _reject(self, folder: Folder, file: Seen, sender: str, reason: str) -> None:
        context = self._context
        context.counters.add("refused", NAME)
        if context.journal is not None:
            refused = Refused(context.clock(), NAME, "", "", sender, "", "data", NAME, f"554 5.6.0 {file.name[:100]}: {reason}")
            context.journal.refused(refused)
        log.warning("%s cannot be sent: %s", file.name, reason)
        try:
            await asyncio.to_thread(folder.reject, file, reason)
        except (OSError, Changed) as error:
            self._stuck.add(file)
            self._trouble(f"{file.name} cannot be sent ({reason}), and cannot be moved away: {error}.")

    # --- exactly once, as far as it goes ---

    async def _mark(self, file: Seen, number: int) -> None:
        """Before the commit, and kept until the file is gone."""
        present = {one.key for one in self._last}
        self._taking = {key: value for key, value in self._taking.items() if key in present}
        self._taking[file.key] = number
        data: Mapping[str, Any] = {"taking": self._taking}
        await asyncio.to_thread(self._markers.save, dict(data))

    async def _done(self, folder: Folder, file: Seen) -> None:
        try:
            await asyncio.to_thread(folder.remove, file)
        except OSError as error:
            self._stuck.add(file)
            self._trouble(f"{file.name} was sent, and cannot be deleted: {error.strerror or error}.")

    def _trouble(self, words: str) -> None:
        title = f"The pickup folder {self._settings.pickup.folder} cannot be used."
        if self._problem is None or self._problem.detail != words:
            log.warning("%s %s", title, words)
        self._problem = Problem(
            "pickup", title, words, "Look at its permissions and at Settings → Pickup folder.", "pickup:folder"
        )
