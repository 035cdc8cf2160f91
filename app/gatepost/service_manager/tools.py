"""Running the managers' own tools, and writing files that belong to the system."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..model.errors import GatepostError
from .values import NeedsRights, NoManager

SECONDS = 150
"""Longer than the unit's own times for starting and stopping."""
END_SECONDS = 120
"""Longer than the time that a relay is given to finish what it holds (90 seconds), after which it is killed."""


def run(command: Sequence[str], *, stdin: bytes = b"", accepted: Sequence[int] = (0,), seconds: float = SECONDS) -> str:
    """Standard output of a fixed command. ``stdin`` may hold a secret: it stands nowhere else. Raises NoManager."""
    return call(command, stdin=stdin, accepted=accepted, seconds=seconds)[1]


def call(
    command: Sequence[str], *, stdin: bytes = b"", accepted: Sequence[int] = (0,), seconds: float = SECONDS
) -> tuple[int, str]:
    """Its exit code, one of ``accepted``, and its standard output. Raises NoManager."""
    tool = shutil.which(command[0])
    if tool is None:
        raise NoManager(f"“{command[0]}” is not there.", "This system has another service manager.")
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours, and no shell reads it
            [tool, *command[1:]], input=stdin, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoManager(f"“{command[0]}” does not answer.", f"It took longer than {seconds:g} seconds.") from None
    if done.returncode not in accepted:
        raise NoManager(
            f"“{' '.join(command[:3])}” failed.", _words(done.stderr or done.stdout) or f"Exit code {done.returncode}."
        )
    return done.returncode, done.stdout.decode(errors="replace")


def wait_for(done: Callable[[], bool], what: str, sleep: Callable[[float], None]) -> None:
    """Half a second between two looks. Raises NoManager when it takes longer than a manager gives a relay to end."""
    for _ in range(2 * END_SECONDS):
        if done():
            return
        sleep(0.5)
    raise NoManager(f"{what} does not end.", f"It still runs after {END_SECONDS} seconds.", "Wait a little, then try again.")


def _words(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return " ".join("".join(letter for letter in line if letter.isprintable()) for line in lines[-3:])[:500]


def require_root(command: str) -> None:
    """Raises NeedsRights with the line to type."""
    if sys.platform == "win32" or os.geteuid() == 0:
        return
    line = f"sudo {own_command()} service {command}"
    raise NeedsRights("Only root may do this.", "Services of the system are root's.", f"Type: {line}")


def own_command() -> str:
    """How this program was called, for telling people what to type."""
    if getattr(sys, "frozen", False):
        on_path = shutil.which(Path(sys.executable).name)  # as a package installs it
        return Path(on_path).name if on_path is not None and Path(on_path).samefile(sys.executable) else sys.executable
    name = Path(sys.argv[0])
    return str(name.absolute()) if name.name == "gatepost" and name.exists() else f"{sys.executable} -m gatepost"


def relay_program() -> tuple[str, ...]:
    """What a service runs: the relay's own program of a bundle, else this interpreter."""
    if getattr(sys, "frozen", False):
        app = Path(sys.executable)
        beside = app.with_name(f"gatepost-relay{app.suffix}")
        return (str(beside if beside.exists() else app),)
    return (sys.executable, "-OO", "-m", "gatepost")


def refuse_hidden(prefixes: tuple[str, ...], *paths: Path) -> None:
    """Raises GatepostError for the first path that lies below one of them, as it is named or as it leads on: a service does not
    see it."""
    hidden = next((path for path in paths if any(str(one).startswith(prefixes) for one in (path, path.resolve()))), None)
    if hidden is not None:
        raise GatepostError(
            "The service could not run this program.",
            f"{hidden} lies in a home folder or a folder for temporary files, which are hidden from a service.",
            "Install Gatepost for the whole system (its package, or a folder below /opt) and run this command from there.",
        )


def make_folder(path: Path, mode: int = 0o755) -> None:
    """With the parents that are missing, which others may read; whatever umask this process has from whoever called it."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700)
        one.chmod(mode if one == path else 0o755)


def write_file(path: Path, content: str, mode: int = 0o644) -> bool:
    """Whole or not at all; False when it stood there already, word for word."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == content:
            return False
    make_folder(path.parent)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    new.chmod(mode)
    new.replace(path)
    return True


def write_key(path: Path, key: bytes, owner: tuple[int, int]) -> None:
    """The key of the sealed vault, for its owner alone."""
    make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(key)
        handle.flush()
        os.fsync(handle.fileno())
    if sys.platform != "win32":
        os.chown(path, *owner)


def new_key() -> bytes:
    import base64

    return base64.b64encode(secrets.token_bytes(32)) + b"\n"


def membership_note(group: str, line: str) -> str:
    """Who else may administer the service, and the line that lets the person in who called this by sudo. ``line``: of this
    system, with places for group and account."""
    account = os.environ.get("SUDO_USER") or "ACCOUNT"
    return f"Members of the group {group} administer it: {line.format(group=group, account=account)}"
