"""The half that runs as root: writes what it is given beside the service's folder, checks it, and puts it in place."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ..model.errors import Conflict, GatepostError, InvalidInput, Issue, Unavailable
from ..model.move_options import ReceiveOptions
from ..model.secret import Secret
from ..relay.instance import InstanceLock
from ..service_manager.choose import manager
from ..service_manager.values import Manager, Outcome, State
from ..store.configuration import ConfigurationStore
from ..store.folder import DataFolder, flush_folder
from ..store.moving import figures, holds_something
from ..vault import open_vault
from . import marker, stream
from .marker import Note

MAX_PASSWORD = 200_000
SPARE_OCTETS = 50_000_000
"""Room that is left on the disk beside what is moved."""
_DEPTH = 6
MEMORY = Path("/run")
"""A file system in memory, on Linux."""


@dataclass(frozen=True, slots=True)
class _Service:
    """Where things go. ``manager`` is None for a service that somebody else's manager runs."""

    data_folder: Path
    key_file: Path
    owner: tuple[int, int]
    manager: Manager | None

    @property
    def key_words(self) -> str:
        """As the service's own vault will say it."""
        is_unsealed = self.manager is not None and self.key_file != self.manager.key_file
        return "systemd credential gatepost-vault-key" if is_unsealed else f"key file {self.key_file}"


def receive(options: ReceiveOptions, source: IO[bytes], answers: IO[bytes]) -> int:
    """Serve one move over the two pipes. Returns the exit code; what went wrong is told to the other half."""
    os.umask(0o077)
    try:
        with _service(options) as service:
            hello = stream.read(source)
            if hello.get("version") != stream.VERSION:
                raise Conflict("The two halves of the move are of different versions.", "", "Update Gatepost, then try again.")
            if hello["kind"] == "probe":
                _refuse_loss(service, replace=bool(hello["replace"]))
                stream.write(answers, {"kind": "welcome"})
                hello = stream.read(source)
            if hello["kind"] == "finish":
                stream.write(answers, {"kind": "done", "set_aside": "", **_finished(service, hello.names("ids"))})
            else:
                _Move(service, hello, source, answers).run()
    except stream.Broken:
        return 1  # nobody is left to be told; the old folder goes on, or the move is finished by the next call
    except GatepostError as error:
        with contextlib.suppress(stream.Broken):
            stream.write(answers, stream.error_frame(error))
        return error.exit_code
    except OSError as error:
        told = Unavailable("The service's folder cannot be written.", f"{error.filename or ''}: {error.strerror}")
        with contextlib.suppress(stream.Broken):
            stream.write(answers, stream.error_frame(told))
        return told.exit_code
    return 0


@contextlib.contextmanager
def _service(options: ReceiveOptions) -> Iterator[_Service]:
    if options.target is not None:
        target = options.target
        yield _Service(target.data_folder.absolute(), target.key_file, _owner(target.owner), None)
        return
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        raise GatepostError("The service's half of the move needs root.", "", "Say --elevate sudo, or --elevate pkexec.")
    found = manager()
    if found.status().state is State.NOT_INSTALLED:
        raise GatepostError("The service is not installed.", "", "Install it first: sudo gatepost service install")
    key = found.vault_key()
    try:
        yield _Service(found.data_folder, key, found.owner(), found)
    finally:
        if key != found.key_file:  # unsealed for this one move
            shutil.rmtree(key.parent, ignore_errors=True)


def _owner(name: str) -> tuple[int, int]:
    if not name:
        return -1, -1
    import pwd

    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise InvalidInput([Issue("into-owner", f"there is no account “{name}”")]) from None
    return found.pw_uid, found.pw_gid


def _finished(service: _Service, ids: list[str]) -> dict[str, Any]:
    """The last step of a move whose old folder is renamed already."""
    note = marker.read(service.data_folder / marker.IN)
    if note is None or note.id not in ids:
        raise Conflict(
            "There is no move to finish.", f"{service.data_folder} is not waiting for one of {', '.join(ids)}.",
            "If the service runs, all is done.",
        )  # fmt: skip
    _release(service)
    return {"id": note.id, "data_folder": str(service.data_folder)}


def _release(service: _Service) -> None:
    (service.data_folder / marker.IN).unlink()
    flush_folder(service.data_folder)
    if service.manager is None:
        return
    try:
        service.manager.start()
    except GatepostError as error:
        moved = "Everything has moved; only the service did not start. Mend that, then: sudo gatepost service start"
        error.hint = " ".join(filter(None, (error.hint, moved)))
        raise


def _refuse_loss(service: _Service, *, replace: bool) -> None:
    folder = service.data_folder
    if replace or not folder.exists() or marker.read(folder / marker.IN) is not None:
        return  # a folder that waits for the end of a move is a copy of what comes again
    if holds_something(folder):
        raise Conflict(
            "The service has a configuration or mail of its own.",
            f"{folder} is in use already.",
            "Say --replace to set it aside (it is renamed, not deleted) and move all the same.",
        )


class _Move:
    def __init__(self, service: _Service, hello: stream.Frame, source: IO[bytes], answers: IO[bytes]) -> None:
        self._service = service
        self._source = source
        self._answers = answers
        self._hello = hello
        self._note = Note(str(hello["id"]), str(hello["source"]), str(hello["moved_to"]))
        self._folder = service.data_folder
        self._incoming = self._folder.with_name(f"{self._folder.name}.incoming")

    def run(self) -> None:
        _refuse_loss(self._service, replace=bool(self._hello["replace"]))
        self._refuse_want_of_room()
        stopped = self._stop()
        try:
            with self._locked() as lock:
                set_aside = self._take(lock)
        except BaseException:
            shutil.rmtree(self._incoming, ignore_errors=True)
            self._start_again(stopped)  # the folder is free again
            raise
        stream.write(self._answers, {"kind": "in-place"})
        try:
            if stream.read(self._source).get("kind") != "moved":
                raise stream.Broken("The move was interrupted.")
        except stream.Broken:
            # The other half may have renamed its folder or not: the marker stays, and the next call finds out.
            raise
        _release(self._service)
        done = {"kind": "done", "id": self._note.id, "data_folder": str(self._folder), "set_aside": set_aside}
        stream.write(self._answers, done)

    # --- before anything is touched ---

    def _refuse_want_of_room(self) -> None:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder.parent).free
        if free < self._hello.number("octets") + SPARE_OCTETS:
            raise Unavailable(
                "There is not enough room on the service's disk.",
                f"{self._hello['octets']:,} octets are moved, {free:,} are free below {self._folder.parent}.",
                "Make room and try again.",
            )

    def _stop(self) -> bool:
        found = self._service.manager
        return found is not None and found.stop().outcome is Outcome.STOPPED

    def _start_again(self, was_stopped: bool) -> None:
        if was_stopped and self._service.manager is not None:
            self._service.manager.start()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[InstanceLock | None]:
        """No relay may run on the folder, if there is one. Raises AlreadyRunning."""
        if not self._folder.exists():
            yield None
            return
        lock = InstanceLock(self._folder)
        lock.acquire()
        _give(self._folder / "lock", self._service.owner)
        try:
            yield lock
        finally:
            lock.release()

    # --- the copy ---

    def _take(self, lock: InstanceLock | None) -> str:
        """Everything beside the folder, checked, then in its place; where what stood there is now, or an empty text."""
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(mode=0o700)
        stream.write(self._answers, {"kind": "ready"})
        passwords: dict[str, Secret] = {}
        files = 0
        while (frame := stream.read(self._source))["kind"] != "end":
            if frame["kind"] == "file":
                self._take_file(frame)
                files += 1
            elif frame["kind"] == "password":
                passwords[str(frame["name"])] = self._password(frame.number("size"))
            else:
                raise stream.nonsense("kind")
        if (files, len(passwords)) != (self._hello.number("files"), self._hello.number("passwords")):
            raise Conflict("The copy is not whole.", f"{files} files and {len(passwords)} passwords came.")
        self._check()
        asyncio.run(self._seal(passwords))
        self._note.write(self._incoming / marker.IN)
        return self._put_in_place(lock)

    def _take_file(self, frame: stream.Frame) -> None:
        path = self._incoming / _inside(str(frame["path"]))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            for piece in stream.octets(self._source, frame.number("size")):
                digest.update(piece)
                handle.write(piece)
            handle.flush()
            os.fsync(handle.fileno())
        if stream.read(self._source).get("sha256") != digest.hexdigest():
            raise Conflict("The copy differs.", f"{frame['path']} changed on the way.", "Try again.")

    def _password(self, size: int) -> Secret:
        if size > MAX_PASSWORD:
            raise Conflict("The copy is not whole.", "A password is longer than any.")
        try:
            return Secret(b"".join(stream.octets(self._source, size)).decode())
        except UnicodeDecodeError:
            raise Conflict("The copy is not whole.", "A password is no text.") from None

    def _check(self) -> None:
        found = figures(self._incoming, check=True)
        wanted = self._hello.table("figures")
        if found != wanted:
            names = [name for name in {*found, *wanted} if found.get(name) != wanted.get(name)]
            raise Conflict("The copy differs from what it was made from.", f"See {', '.join(sorted(names))}.", "Try again.")

    async def _seal(self, passwords: dict[str, Secret]) -> None:
        """Into the service's own vault, and read back from it (the vault does that itself)."""
        with _copy_of_key(self._service.key_file) as key:
            vault = open_vault("sealed", data_folder=self._incoming, key_file=key)
            try:
                for name, secret in passwords.items():
                    await vault.set(name, secret)
            finally:
                await vault.close()
        store = await asyncio.to_thread(ConfigurationStore.open, DataFolder(self._incoming))
        try:
            for name in passwords:
                store.secret_index.put(name, f"sealed vault ({self._service.key_words})")
        finally:
            store.close()

    def _put_in_place(self, lock: InstanceLock | None) -> str:
        for path in (self._incoming, *self._incoming.rglob("*")):
            _give(path, self._service.owner)
            if path.is_dir():
                flush_folder(path)
        set_aside = ""
        if lock is not None:
            lock.let_rename()
            aside = self._folder.with_name(f"{self._folder.name}.before-{time.strftime('%Y%m%d%H%M%S')}-{self._note.id}")
            self._folder.rename(aside)
            set_aside = str(aside)
        self._incoming.rename(self._folder)
        flush_folder(self._folder.parent)
        return set_aside


def _inside(name: str) -> Path:
    """A path that stays below the folder. Raises Conflict."""
    path = PurePosixPath(name)
    if (
        not name.isprintable()
        or path.is_absolute()
        or not 0 < len(path.parts) <= _DEPTH
        or any(part in ("..", ".", "") for part in path.parts)
    ):
        raise Conflict("The copy names a file outside of the folder.", name[:100])
    return Path(*path.parts)


@contextlib.contextmanager
def _copy_of_key(source: Path) -> Iterator[Path]:
    """For root, who has to own a key to be let use it. In memory where that can be had: it may be sealed wherever else it
    lies, and a process that is killed takes nothing away."""
    memory = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="gatepost-key-", dir=memory) as folder:
        target = Path(folder, "vault.key")
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(source.read_bytes())
        yield target


def _give(path: Path, owner: tuple[int, int]) -> None:
    if owner != (-1, -1) and hasattr(os, "lchown"):
        os.lchown(path, *owner)
