"""Large bodies: streamed both ways in little memory, on the disk when finished, gone when abandoned."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from gatepost.store import bodies as module
from gatepost.store.bodies import CHUNK, Bodies, BodyFile
from gatepost.store.errors import SpoolFull, StoreError


@pytest.fixture
def bodies(tmp_path: Path) -> Bodies:
    return Bodies(tmp_path)


async def test_what_was_written_in_pieces_is_read_back_in_chunks(bodies: Bodies) -> None:
    content = os.urandom(CHUNK * 3 + 17)
    writer = bodies.open_body()
    for start in range(0, len(content), 40_000):
        await writer.write(memoryview(content)[start : start + 40_000])
    body = await writer.finish()

    assert (body.size, writer.size) == (len(content), len(content))
    assert body.read() == content
    assert b"".join([chunk async for chunk in body.chunks(10_000)]) == content
    assert await body.read_start(100) == content[:100]
    assert bodies.names() == [body.name]


async def test_many_tiny_chunks_are_gathered(bodies: Bodies) -> None:
    writer = bodies.open_body()
    for _ in range(5000):
        await writer.write(b"ab")
    assert (await writer.finish()).read() == b"ab" * 5000


async def test_an_empty_body_is_a_body(bodies: Bodies) -> None:
    assert (await bodies.open_body().finish()).read() == b""


async def test_nothing_bears_the_final_name_before_it_is_finished(bodies: Bodies) -> None:
    writer = bodies.open_body()
    await writer.write(b"x" * CHUNK)
    assert [Path(name).suffix for name in bodies.names()] == [".part"]
    writer.discard()
    assert bodies.names() == []


async def test_the_file_and_its_folder_are_flushed_before_finish_returns(
    bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    monkeypatch.setattr("gatepost.store.bodies.flush_file", lambda descriptor: events.append("file"))
    monkeypatch.setattr("gatepost.store.bodies.flush_folder", lambda path: events.append("folder"))
    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        events.append("rename")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", renamed)
    writer = bodies.open_body()
    await writer.write(b"content")
    await writer.finish()

    assert events == ["file", "rename", "folder"]


async def test_discarding_twice_or_after_finishing_keeps_the_finished_body(bodies: Bodies) -> None:
    writer = bodies.open_body()
    body = await writer.finish()
    writer.discard()
    writer.discard()
    assert body.path.exists()
    with pytest.raises(RuntimeError):
        await writer.write(b"late")


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("when", ["writing", "finishing"])
async def test_a_session_cancelled_at_the_disk_leaves_nothing(
    bodies: Bodies, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    loop = asyncio.get_running_loop()
    reached = asyncio.Event()
    target = "_write_all" if when == "writing" else "flush_file"
    original = getattr(module, target)
    release = threading.Event()

    still_open: list[bool] = []

    def slow(descriptor: int, *arguments: object) -> None:
        loop.call_soon_threadsafe(reached.set)
        release.wait(10)
        still_open.append(is_open(descriptor))
        original(descriptor, *arguments)

    monkeypatch.setattr(module, target, slow)
    writer = bodies.open_body()

    async def session() -> None:
        try:
            await writer.write(b"x" * CHUNK)
            await writer.finish()
        finally:
            writer.discard()

    task = asyncio.create_task(session())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    for _ in range(200):
        if still_open and not bodies.names():
            break
        await asyncio.sleep(0.01)
    assert still_open == [True]  # a descriptor closed under the thread could already be another file's
    assert bodies.names() == []


async def test_a_full_disk_is_said_in_words_and_leaves_nothing(bodies: Bodies, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, chunks: list[bytes]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gatepost.store.bodies._write_all", full)
    writer = bodies.open_body()
    with pytest.raises(SpoolFull, match="no room"):
        await writer.write(b"x" * CHUNK)
    writer.discard()
    assert bodies.names() == []


async def test_what_the_disk_does_not_let_go_is_logged_and_no_error_of_whoever_gives_up(
    bodies: Bodies, caplog: pytest.LogCaptureFixture
) -> None:
    """A session that ends must end, also on a disk that has become read-only."""
    writer = bodies.open_body()
    await writer.write(b"x" * CHUNK)
    (name,) = bodies.names()
    (bodies.folder / name).unlink()
    (bodies.folder / name).mkdir()
    writer.discard()
    BodyFile(bodies.folder / name, 1).discard()
    assert caplog.messages.count(f"body {name} cannot be removed: Is a directory") == 2


async def test_what_the_disk_did_not_let_go_is_removed_when_it_lets_go_again(bodies: Bodies) -> None:
    (bodies.folder / "stuck.body").mkdir()
    assert bodies.remove(["stuck.body", "unknown.body"]) == 0
    (bodies.folder / "next.body").touch()
    assert bodies.remove(["next.body"]) == 1, "it is still stuck"
    (bodies.folder / "stuck.body").rmdir()
    for name in ("stuck.body", "last.body"):
        (bodies.folder / name).touch()
    assert bodies.remove(["last.body"]) == 2
    assert bodies.names() == []


async def test_a_body_that_can_never_be_removed_is_tried_again_and_again_and_warned_of_once(
    bodies: Bodies, caplog: pytest.LogCaptureFixture
) -> None:
    for stuck in ("one.body", "two.body"):
        (bodies.folder / stuck).mkdir()
        assert bodies.remove([stuck]) == 0
    for number in range(3):
        (bodies.folder / f"{number}.body").touch()
        assert bodies.remove([f"{number}.body"]) == 1
    assert bodies.remove(["one.body"]) == 0
    assert caplog.messages == [f"body {stuck} cannot be removed: Is a directory" for stuck in ("one.body", "two.body")]
    (bodies.folder / "one.body").rmdir()
    (bodies.folder / "one.body").touch()
    assert bodies.remove(["unknown.body"]) == 1
    (bodies.folder / "one.body").mkdir()
    assert bodies.remove(["one.body"]) == 0
    assert len(caplog.messages) == 3, "it is another one, and stuck anew"


async def test_an_unusable_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="message body"):
        await Bodies(tmp_path / "missing").open_body().finish()


async def test_a_copy_outlives_the_first(bodies: Bodies) -> None:
    writer = bodies.open_body()
    await writer.write(b"content")
    first = await writer.finish()
    second = await bodies.copy(first)
    first.discard()
    assert second.read() == b"content"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: reads /proc")
def test_ten_uploads_of_ten_megabytes_at_once_need_little_memory(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import asyncio, resource, sys
        from pathlib import Path
        from gatepost.store.bodies import Bodies

        async def upload(bodies, count):
            writer = bodies.open_body()
            for _ in range(count):
                await writer.write(bytes(65536))
            body = await writer.finish()
            assert sum([len(chunk) async for chunk in body.chunks()]) == count * 65536

        async def main():
            bodies = Bodies(Path(sys.argv[1]))
            await asyncio.gather(*(upload(bodies, 4) for _ in range(10)))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await asyncio.gather(*(upload(bodies, 160) for _ in range(10)))
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

        asyncio.run(main())
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "app")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60, env=environment, check=True
    )
    assert int(done.stdout) < 5000  # KiB
