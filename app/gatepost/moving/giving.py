"""The half that runs as the person: ends their relay, reads what it has, and decides by one rename that it has moved."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from ..control.client import Client, NotRunning
from ..control.place import join_hint
from ..model.errors import Conflict, GatepostError, NotFound
from ..model.locations import SERVICE_GROUP
from ..model.move_options import Elevation, GiveOptions
from ..model.secret import Secret
from ..relay.instance import AlreadyRunning, InstanceLock
from ..service_manager.tools import relay_program
from ..store.configuration import ConfigurationStore
from ..store.folder import DataFolder, flush_folder
from ..store.moving import Figures, figures
from ..vault import open_vault
from . import marker, stream
from .marker import Note

NOT_MOVED = ("lock", "logs", "vault.sealed", marker.IN, marker.OUT)
"""Of the old folder: what belongs to its relay's process, and passwords sealed with another key (they travel by name)."""
END_SECONDS = 60.0
Say = Callable[[str, int, int], None]
"""(stage, done, total). Stages: ``asking`` (for rights), ``ending``, ``reading``, ``copying`` (in octets), ``checking``,
``deciding``, ``starting``."""


def give(options: GiveOptions, say: Say) -> dict[str, object]:
    """Move everything; what the service holds now, in figures. Blocking. Raises GatepostError: then nothing has moved, or,
    when the last step is missing, calling again makes it."""
    folder = options.data_folder.expanduser().absolute()
    begun, is_there = _begun(folder), (folder / "configuration.sqlite").exists()
    if begun:
        try:
            finished = _finish(begun, options, say)
        except Conflict:
            if not is_there:
                raise
        else:
            if not is_there:
                return finished
    elif not is_there:
        raise NotFound("There is nothing to move.", f"No relay was ever set up in {folder}.", "Name its folder with --data.")
    say("asking", 0, 1)
    with _Receiver(options) as receiver:
        # Rights and refusals first: a relay that goes on moving mail is not ended for nothing.
        receiver.send({"kind": "probe", "version": stream.VERSION, "replace": options.replace})
        receiver.expect("welcome")
        say("ending", 0, 1)
        lock = InstanceLock(folder)
        was_running = asyncio.run(_end_relay(folder))
        _acquire(lock, END_SECONDS if was_running else 1.0)
        try:
            say("reading", 0, 1)
            passwords = asyncio.run(_passwords(folder, options))
            note = _note_for(folder)
            held = figures(folder)
            _send(receiver, folder, note, held, passwords, options, say)
            say("checking", 0, 1)
            receiver.expect("in-place")
            say("deciding", 0, 1)
            lock.let_rename()
            os.rename(folder, note.moved_to)  # from here on it has moved
            flush_folder(folder.parent)
            receiver.send({"kind": "moved"})
            say("starting", 0, 1)
            done = receiver.expect("done")
        except GatepostError as error:
            if was_running and folder.exists():
                again = "Nothing has moved. Its relay was ended for this: start it again, unless the app does."
                error.hint = " ".join(filter(None, (error.hint, again)))
            raise
        finally:
            lock.release()
    return {
        "moved_to": note.moved_to, "data_folder": done["data_folder"], "set_aside": done["set_aside"], "figures": held,
        "hint": _membership(options),
    }  # fmt: skip


def _begun(folder: Path) -> list[Note]:
    """Earlier moves of this folder, of which the last step may be missing."""
    notes = (marker.read(path) for path in folder.parent.glob(f"{folder.name}.moved-*/{marker.OUT}"))
    return [note for note in notes if note is not None]


def _finish(begun: list[Note], options: GiveOptions, say: Say) -> dict[str, object]:
    """A move of which only the last step is missing: the old folder is renamed already. Raises Conflict when none waits."""
    say("starting", 0, 1)
    with _Receiver(options) as receiver:
        receiver.send({"kind": "finish", "version": stream.VERSION, "ids": [note.id for note in begun]})
        done = receiver.expect("done")
    moved = next(note for note in begun if note.id == done["id"])
    hint = _membership(options)
    return {"moved_to": moved.moved_to, "data_folder": done["data_folder"], "set_aside": "", "figures": {}, "hint": hint}


def _membership(options: GiveOptions) -> str:
    """What this account lacks to administer the service from now on; empty when it lacks nothing."""
    if sys.platform == "win32" or os.geteuid() == 0 or options.target is not None:
        return ""
    import grp

    try:
        is_member = grp.getgrnam(SERVICE_GROUP).gr_gid in os.getgroups()
    except KeyError:
        is_member = False
    return "" if is_member else join_hint(SERVICE_GROUP)


async def _end_relay(folder: Path) -> bool:
    """The relay that runs on the folder finishes what it holds and ends; whether one could be told to."""
    try:
        async with await Client.connect(folder, program="gatepost-cli") as client:
            await client.shut_down()
    except NotRunning:
        return False
    return True


def _acquire(lock: InstanceLock, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            lock.acquire()
        except AlreadyRunning as error:
            if time.monotonic() > until:
                hint = "End it first, or run this command under the account whose relay it is."
                raise Conflict("The relay could not be ended.", error.detail, hint) from None
            time.sleep(0.1)
        else:
            return


async def _passwords(folder: Path, options: GiveOptions) -> dict[str, Secret]:
    """Raises Conflict when one that is listed cannot be read: the person decides, not the move."""
    store = await asyncio.to_thread(ConfigurationStore.open, DataFolder(folder))
    try:
        names = list(store.secret_index.all())
    finally:
        store.close()
    vault = open_vault(options.vault, data_folder=folder, key_file=options.vault_key_file)
    found: dict[str, Secret] = {}
    try:
        for name in names:
            secret = await vault.get(name)
            if secret is None:
                raise Conflict(
                    f"The password “{name}” is not where it should be.",
                    "It is listed, but this account's password manager does not have it.",
                    f"Enter it again, or remove it (gatepost secret remove {name}), and repeat the move.",
                )
            found[name] = secret
    finally:
        await vault.close()
    return found


def _note_for(folder: Path) -> Note:
    identifier = secrets.token_hex(4)
    moved_to = folder.with_name(f"{folder.name}.moved-{time.strftime('%Y%m%d')}-{identifier}")
    note = Note(identifier, str(folder), str(moved_to))
    note.write(folder / marker.OUT)
    return note


def _send(
    receiver: _Receiver, folder: Path, note: Note, held: Figures, passwords: dict[str, Secret], options: GiveOptions, say: Say
) -> None:
    files = list(_files(folder))
    total = sum(size for _, size in files)
    receiver.send(
        {
            "kind": "hello", "version": stream.VERSION, "id": note.id, "source": note.source, "moved_to": note.moved_to,
            "replace": options.replace, "octets": total, "files": len(files), "passwords": len(passwords), "figures": held,
        }
    )  # fmt: skip
    receiver.expect("ready")
    done = 0
    for path, size in files:
        say("copying", done, total)
        receiver.send_file(path, path.relative_to(folder).as_posix(), size)
        done += size
    for name, secret in passwords.items():
        raw = secret.reveal().encode()
        receiver.send({"kind": "password", "name": name, "size": len(raw)}, raw)
    receiver.send({"kind": "end"})


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """Regular files that are moved, with their sizes. Links lead out of the folder and are none of the relay's."""
    for path in sorted(folder.rglob("*")):
        if path.relative_to(folder).parts[0] in NOT_MOVED:
            continue
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            yield path, found.st_size


class _Receiver:
    """The other half as a process, with the rights that it needs."""

    def __init__(self, options: GiveOptions) -> None:
        target = options.target
        named: list[str] = []
        if target is not None:
            named = ["--into", str(target.data_folder), "--into-key-file", str(target.key_file)]
            named += ["--into-owner", target.owner] if target.owner else []
        prefix = {Elevation.NONE: [], Elevation.SUDO: ["sudo", "--"], Elevation.PKEXEC: ["pkexec"]}[options.elevation]
        self._elevated_by = prefix[0] if prefix else ""
        self._has_answered = False
        self._command = [*prefix, *_program(), "service", "receive", *named]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> _Receiver:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except OSError as error:
            raise GatepostError(
                "The service's half of the move cannot be started.", f"{self._command[0]}: {error.strerror}",
                "Run the move as root, or install sudo.",
            ) from None  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            self._stdin.close()
        if process.stdout is not None:
            process.stdout.close()
        process.wait()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process is not None  # noqa: S101 - it is entered
        assert self._process.stdin is not None  # noqa: S101 - it has a pipe
        return self._process.stdin

    def send(self, frame: dict[str, Any], content: bytes = b"") -> None:
        try:
            stream.write(self._stdin, frame)
            if content:
                self._stdin.write(content)
                self._stdin.flush()
        except (OSError, stream.Broken):
            self.expect("")  # it said why, or is gone

    def send_file(self, path: Path, name: str, size: int) -> None:
        """Not followed where it became a link, and refused where it changed on the way."""
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as handle:
            self.send({"kind": "file", "path": name, "size": size})
            digest = hashlib.sha256()
            for piece in stream.octets(handle, size):
                digest.update(piece)
                self.send_raw(piece)
        self.send({"kind": "sum", "sha256": digest.hexdigest()})

    def send_raw(self, piece: bytes) -> None:
        try:
            self._stdin.write(piece)
        except OSError:
            self.expect("")

    def expect(self, kind: str) -> stream.Frame:
        """The answer of this kind. Raises what the other half says instead, or Broken."""
        assert self._process is not None  # noqa: S101 - it is entered
        assert self._process.stdout is not None  # noqa: S101 - it has a pipe
        try:
            frame = stream.read(self._process.stdout)
        except stream.Broken:
            if self._elevated_by and not self._has_answered:
                raise self._not_elevated(self._process.wait()) from None
            raise
        self._has_answered = True
        if frame.get("kind") != kind:
            raise stream.Broken("The move was interrupted.", "The other half answered something else.")
        return frame

    def _not_elevated(self, code: int) -> GatepostError:
        return GatepostError(
            "Root's half of the move did not start.",
            f"“{self._elevated_by}” ended with code {code}.",
            "Repeat it, and answer when you are asked for a password: this account must be one that may become root.",
        )


def _program() -> tuple[str, ...]:
    return (sys.executable, "-m", "gatepost") if not getattr(sys, "frozen", False) else relay_program()
