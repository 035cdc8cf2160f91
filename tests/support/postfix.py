"""A private Postfix: own configuration, queue and log folders, one loopback port. Needs root, and leaves the system's alone."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from .mail_tools import find_tool, tool, unmet
from .ports import free_port, is_listening, wait_until

QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")

MASTER = """\
{listen}  inet  n  -  n  -  -  smtpd
pickup    unix  n  -  n  60 1  pickup
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300 1 qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
verify    unix  -  -  n  -  1  verify
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -  -  proxymap
smtp      unix  -  -  n  -  -  smtp
relay     unix  -  -  n  -  -  smtp
showq     unix  n  -  n  -  -  showq
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
discard   unix  -  -  n  -  -  discard
anvil     unix  -  -  n  -  1  anvil
scache    unix  -  -  n  -  1  scache
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
postlog   unix-dgram n - n  -  1  postlogd
"""


def why_unavailable() -> str | None:
    """Why no private Postfix can run here, or None."""
    if find_tool("postfix") is None:
        return "postfix is not installed (Debian: apt-get install postfix)"
    if os.geteuid() != 0:
        return "Postfix's master runs only as root"
    return None


class PostfixInstance:
    """Debian's Postfix on a port of its own, with Debian's defaults but for what keeps it apart from the system's.

    It relays for loopback clients, through ``relayhost`` when one is given; ``settings`` are further lines of main.cf.
    ``folder`` must be on a disk where Postfix may chown; every folder above it must be open to others (x).
    """

    def __init__(
        self, folder: Path, *, relayhost: str = "", settings: Mapping[str, str] | None = None, port: int | None = None
    ) -> None:
        reason = why_unavailable()
        if reason:
            unmet(reason)
        self.port = port or free_port()
        self.folder = folder
        self.config = folder / "etc"
        self.queue = folder / "queue"
        self.log = folder / "log" / "postfix.log"
        self._data = folder / "data"
        self._settings = {"relayhost": relayhost, **(settings or {})}
        self._started = False

    def start(self) -> Self:
        self._write()
        self._postfix("start")
        self._started = True
        wait_until(lambda: is_listening(self.port), f"Postfix listens on {self.port}\n{self.tail()}")
        return self

    def stop(self) -> None:
        if self._started:
            master = self.pid
            os.kill(master, signal.SIGTERM)  # what “postfix stop” does, which then looks once a second whether it has ended
            self._started = False
            wait_until(lambda: not Path(f"/proc/{master}").exists(), "Postfix's master has ended")

    def apply(self, settings: Mapping[str, str]) -> None:
        """Change settings of main.cf and let the running daemons take them."""
        self._settings.update(settings)
        self._write_main()
        self._postfix("reload")
        time.sleep(0.5)  # a reload has no visible end; the old smtpd processes leave when they are idle

    @property
    def pid(self) -> int:
        """The process id of the master, whose tree is all of this Postfix."""
        return int((self.queue / "pid" / "master.pid").read_text(encoding="ascii").strip())

    def queued(self) -> int:
        """Messages in the queue, in whatever state."""
        return sum(len(names) for queue in QUEUES for _, _, names in os.walk(self.queue / queue))

    def empty_queue(self) -> None:
        """Throw away what is queued, as ``postsuper -d ALL`` does, but quickly. Only while nothing arrives."""
        for queue in (*QUEUES, "defer", "bounce"):
            for path, _, names in os.walk(self.queue / queue):
                for name in names:
                    (Path(path) / name).unlink(missing_ok=True)

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:] if self.log.exists() else ""

    def _write(self) -> None:
        owner = pwd.getpwnam("postfix").pw_uid
        for folder in (self.folder, self.config, self.queue, self.log.parent, self._data):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        os.chown(self._data, owner, -1)
        (self.config / "master.cf").write_text(MASTER.format(listen=f"127.0.0.1:{self.port}"), encoding="ascii")
        self._write_main()

    def _write_main(self) -> None:
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.queue),
            "data_directory": str(self._data),
            "maillog_file": str(self.log),
            "maillog_file_prefixes": str(self.log.parent),
            "myhostname": "postfix.example.org",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_tls_security_level": "none",
            "smtp_tls_security_level": "none",
            **self._settings,
        }
        text = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (self.config / "main.cf").write_text(text, encoding="utf-8")
        (self.config / "main.cf").chmod(0o644)

    def _postfix(self, command: str) -> None:
        done = subprocess.run(
            [tool("postfix"), "-c", str(self.config), command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"postfix {command}: {done.stdout}\n{self.tail()}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
