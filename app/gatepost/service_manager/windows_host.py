"""What a process says to Windows that started it as a service: ready, stopping, ended; and how it hears that it shall stop.

``StartServiceCtrlDispatcher`` holds its thread for the life of the service, so it gets one of its own; the relay has the main
thread, as everywhere else. Told to stop, the main thread gets the signal that ``gatepost relay`` ends on.
"""

from __future__ import annotations

import _thread
import ctypes
import signal
import sys
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

from ..model.errors import GatepostError

STOP_SECONDS = 90
OWN_PROCESS = 0x10
ACCEPT_STOP, ACCEPT_SHUTDOWN = 0x1, 0x4
SERVICE_SPECIFIC = 1066
"""ERROR_SERVICE_SPECIFIC_ERROR: the exit code is the program's own."""


class Stage(IntEnum):
    STOPPED = 1
    START_PENDING = 2
    STOP_PENDING = 3
    RUNNING = 4


class Control(IntEnum):
    STOP = 1
    INTERROGATE = 4
    SHUTDOWN = 5


class Scm(Protocol):
    """The three calls of advapi32 that a service makes."""

    def dispatch(self, service: Callable[[], None], control: Callable[[int], None]) -> None:
        """Blocks until the service has ended; calls ``service`` in a thread of the system's. Raises GatepostError."""

    def tell(self, stage: Stage, accepts: int, exit_code: int, wait_seconds: int) -> None: ...


class Host:
    """Runs ``relay`` as a service. ``ready`` is to be called when it listens."""

    def __init__(self, scm: Scm, interrupt: Callable[[], None] = lambda: _thread.interrupt_main(signal.SIGTERM)) -> None:
        self._scm = scm
        self._interrupt = interrupt
        self._ended = threading.Event()
        self._exit_code = 0
        self._problem: GatepostError | None = None
        self._started = threading.Event()

    def run(self, relay: Callable[[], int]) -> int:
        """In the main thread, from start to end. Raises GatepostError when no Service Control Manager started us."""
        dispatcher = threading.Thread(target=self._dispatch, name="service dispatcher", daemon=True)
        dispatcher.start()
        self._started.wait(30)
        if self._problem is not None:
            raise self._problem
        try:
            self._exit_code = relay()
        except BaseException:
            self._exit_code = 1
            raise
        finally:
            self._ended.set()
            dispatcher.join(10)
        return self._exit_code

    def ready(self) -> None:
        self._scm.tell(Stage.RUNNING, ACCEPT_STOP | ACCEPT_SHUTDOWN, 0, 0)

    def _dispatch(self) -> None:
        try:
            self._scm.dispatch(self._service, self._control)
        except GatepostError as error:
            self._problem = error
        finally:
            self._started.set()

    def _service(self) -> None:
        self._scm.tell(Stage.START_PENDING, 0, 0, STOP_SECONDS)
        self._started.set()
        self._ended.wait()
        self._scm.tell(Stage.STOPPED, 0, self._exit_code, 0)

    def _control(self, number: int) -> None:
        if number in (Control.STOP, Control.SHUTDOWN):
            self._scm.tell(Stage.STOP_PENDING, 0, 0, STOP_SECONDS)
            self._interrupt()


if sys.platform == "win32":
    from ctypes import wintypes

    class _Status(ctypes.Structure):
        _fields_ = [
            (name, wintypes.DWORD)
            for name in ("kind", "stage", "accepts", "exit_code", "own_exit_code", "check_point", "wait_hint")
        ]

    _MAIN = ctypes.WINFUNCTYPE(None, wintypes.DWORD, ctypes.POINTER(wintypes.LPWSTR))
    _HANDLER = ctypes.WINFUNCTYPE(wintypes.DWORD, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, ctypes.c_void_p)

    class _Entry(ctypes.Structure):
        _fields_ = [("name", wintypes.LPWSTR), ("main", _MAIN)]

    class Advapi:
        """The real one."""

        def __init__(self, name: str) -> None:
            self._name = name
            self._api = ctypes.WinDLL("advapi32", use_last_error=True)
            self._api.RegisterServiceCtrlHandlerExW.restype = ctypes.c_void_p
            self._api.RegisterServiceCtrlHandlerExW.argtypes = [wintypes.LPCWSTR, _HANDLER, ctypes.c_void_p]
            self._api.SetServiceStatus.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Status)]
            self._handle: Any = None
            self._kept: list[Any] = []  # what the system calls must not be collected

        def dispatch(self, service: Callable[[], None], control: Callable[[int], None]) -> None:
            def handle(number: int, _kind: int, _data: int, _context: int) -> int:
                control(number)
                return 0

            handler = _HANDLER(handle)

            def main(_count: int, _arguments: Any) -> None:
                self._handle = self._api.RegisterServiceCtrlHandlerExW(self._name, handler, None)
                service()

            entries = (_Entry * 2)(_Entry(self._name, _MAIN(main)), _Entry(None, _MAIN()))
            self._kept += [handler, entries]
            if not self._api.StartServiceCtrlDispatcherW(entries):
                raise GatepostError(
                    "This process was not started as a service.",
                    ctypes.FormatError(ctypes.get_last_error()),
                    "Leave --windows-service out, or start it by: gatepost service start",
                )

        def tell(self, stage: Stage, accepts: int, exit_code: int, wait_seconds: int) -> None:
            own = SERVICE_SPECIFIC if exit_code else 0
            status = _Status(OWN_PROCESS, stage, accepts, own, exit_code, 0, wait_seconds * 1000)
            self._api.SetServiceStatus(self._handle, ctypes.byref(status))
