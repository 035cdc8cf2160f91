"""The relay process: claims the data folder, runs the service and its control API, and ends in good order.

It ends on SIGTERM or SIGINT, on a request through the control API, and (with ``lifeline``) when standard input ends,
because whoever started it is gone. A second signal ends it at once; the spool is safe either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable

from . import __version__, memory
from .model.errors import GatepostError
from .model.relay_options import RelayOptions
from .readiness import READY, STOPPING, tell_manager

log = logging.getLogger(__name__)


def run(options: RelayOptions) -> int:
    """Run the relay until it is told to end. Returns the exit code."""
    os.umask(0o077)
    memory.keep_together()
    try:
        with _runner() as runner:
            return runner.run(_main(options))
    except GatepostError as error:
        print(f"gatepost: {error}", file=sys.stderr)  # noqa: T201 - the process's own last words
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _settle_memory() -> None:
    """What was made while starting lives as long as the process: the collector need not look at it again, and what was
    needed only for starting goes back to the system."""
    gc.collect()
    gc.freeze()
    memory.give_back()


def _runner() -> asyncio.Runner:
    """uvloop where it is to be had; everything works without it."""
    if sys.platform != "win32":
        try:
            import uvloop
        except ImportError:
            return asyncio.Runner()
        return asyncio.Runner(loop_factory=uvloop.new_event_loop)
    return asyncio.Runner()


async def _main(options: RelayOptions) -> int:
    # Imported here, so that a command-line mistake or a held lock is answered without loading the whole relay.
    from .control.server.lean import prepare_aiohttp

    prepare_aiohttp()
    from .control.server.group import find_group
    from .control.server.metrics_port import MetricsPort
    from .control.server.remote_port import RemotePort
    from .control.server.transport import serve
    from .moving.marker import refuse_unfinished
    from .relay.administration import Administration
    from .relay.common.ending import try_each
    from .relay.instance import InstanceLock, prepare_runtime_folder, remove_endpoint, write_endpoint
    from .relay.log import set_up_logging
    from .relay.service import RelayService
    from .relay.usage import usage
    from .store.folder import DataFolder

    group = find_group(options.access_group) if options.access_group else None
    gid = group.gid if group is not None else None
    folder = DataFolder(options.data_folder)
    refuse_unfinished(folder.path)
    set_up_logging(folder.logs, options.log_level.value, to_stderr=not options.lifeline)
    lock = InstanceLock(folder.path)
    lock.acquire()
    ending = asyncio.Event()
    service = await RelayService.open(folder, options, request_shutdown=ending.set)
    server = metrics = remote = None
    try:
        _on_signals(ending)
        if options.lifeline:
            _on_lifeline(ending)
        administration = Administration(service)
        runtime = prepare_runtime_folder(folder.path, options.runtime_folder, gid)
        server = await serve(administration, runtime, group, loaded=_settle_memory)
        metrics = MetricsPort(administration)
        await metrics.follow()
        remote = RemotePort(administration)
        await remote.follow()
        await service.start()
        # Last: whoever finds the relay by its endpoint file finds it listening.
        write_endpoint(folder.path, server.address, options.runtime_folder, gid)
        log.info("Gatepost %s is ready, process %d, data in %s", __version__, os.getpid(), folder.path)
        if not options.lifeline and options.runtime_folder is None:  # else a service: nobody is there to read it
            print(await usage(service), flush=True)  # noqa: T201 - what a person in front of a terminal needs
        _settle_memory()
        tell_manager(READY)
        await ending.wait()
        log.info("ending")
        tell_manager(STOPPING)
    finally:
        remove_endpoint(folder.path, options.runtime_folder)
        doors = [door.close for door in (remote, metrics, server) if door is not None]
        await try_each("relay", *doors, service.close)
        lock.release()
    return 0


def _on_signals(ending: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        if ending.is_set():
            log.warning("second signal: ending at once")
            os._exit(128 + number)
        ending.set()

    for name in ("SIGTERM", "SIGINT"):
        number = getattr(signal, name)
        try:
            loop.add_signal_handler(number, end, number)
        except NotImplementedError:  # Windows: the handler runs in the main thread between callbacks
            signal.signal(number, _from_signal(loop, end))


def _from_signal(loop: asyncio.AbstractEventLoop, end: Callable[[int], None]) -> Callable[[int, object], None]:
    def handler(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(end, number)

    return handler


def _on_lifeline(ending: asyncio.Event) -> None:
    """End when standard input does. A thread reads it: a pipe cannot be polled on every system."""
    import threading

    loop = asyncio.get_running_loop()

    def watch() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended on its own
            loop.call_soon_threadsafe(ending.set)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
