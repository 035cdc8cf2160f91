"""What the operating system has to bring: Debian packages, found by what they provide, installed when that is allowed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SBIN = ("/usr/sbin", "/sbin")
"""Where Debian keeps the mail tools; not on a plain user's PATH."""

_APT_LISTS = Path("/var/lib/apt/lists")


@dataclass(frozen=True)
class Need:
    """A Debian package, and how to see (on any Linux) that what it brings is there."""

    package: str
    present: Callable[[], bool]
    purpose: str


def find_program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *SBIN)))


def _program(package: str, name: str, purpose: str) -> Need:
    return Need(package, lambda: find_program(name) is not None, purpose)


def _library(package: str, soname: str, purpose: str = "Qt") -> Need:
    def present() -> bool:
        try:
            ctypes.CDLL(soname)
        except OSError:
            return False
        return True

    return Need(package, present, purpose)


def _interpreter() -> tuple[Need, ...]:
    """The library of a Python that is built as one: Debian's program does without it, its bundle does not."""
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        return ()
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
    return (_library(name, f"{name}.so.1.0", "the interpreter in the bundle"),)


TEST_TOOLS = (
    _program("postfix", "smtp-source", "tests and measurements against a real mail server"),
    _program("swaks", "swaks", "tests with a client that administrators use"),
    _program("curl", "curl", "the test of remote administration with another client"),
    _program("systemd", "systemd-analyze", "the check of the service's unit"),
    _program("gnome-keyring", "gnome-keyring-daemon", "the test against a real keyring"),
    _program("dbus-daemon", "dbus-run-session", "the test against a real keyring"),
    _program("libsecret-tools", "secret-tool", "the test that looks into a real keyring"),
    _program("xvfb", "Xvfb", "the test that drives the real window"),
    Need(
        "at-spi2-core",
        lambda: any(Path(folder, "at-spi-bus-launcher").exists() for folder in ("/usr/libexec", "/usr/lib/at-spi2-core")),
        "the test that drives the real window",
    ),
)

SCANNERS = (
    _program("spamd", "spamd", "tests against a real spam scanner"),
    _program("rspamd", "rspamd", "tests against a real spam scanner"),
    _program("clamav-daemon", "clamd", "tests against a real virus scanner"),
)
"""Services that would start with the machine from then on: installed only where every test must run."""

FONT = Need("fonts-inter", lambda: Path("/usr/share/doc/fonts-inter").exists(), "a font")
QT_LIBRARIES = (
    _library("libglib2.0-0", "libglib-2.0.so.0"),
    _library("libbrotli1", "libbrotlidec.so.1"),
    _library("libdbus-1-3", "libdbus-1.so.3"),
    _library("libgl1", "libGL.so.1"),
    _library("libegl1", "libEGL.so.1"),
    _library("libxkbcommon0", "libxkbcommon.so.0"),
    _library("libfontconfig1", "libfontconfig.so.1"),
    _library("libxcb-cursor0", "libxcb-cursor.so.0"),
    _library("libxcb-icccm4", "libxcb-icccm.so.4"),
    _library("libxcb-keysyms1", "libxcb-keysyms.so.1"),
    _library("libxcb-shape0", "libxcb-shape.so.0"),
    _library("libxcb-xkb1", "libxcb-xkb.so.1"),
    _library("libxkbcommon-x11-0", "libxkbcommon-x11.so.0"),
    FONT,
)

BUNDLE_TOOLS = (
    _library("libwayland-client0", "libwayland-client.so.0"),
    _library("libwayland-cursor0", "libwayland-cursor.so.0"),
    _library("libwayland-egl1", "libwayland-egl.so.1"),
    _program("binutils", "objdump", "making the bundle"),
    *_interpreter(),
)
DEB_TOOLS = (
    _program("debhelper", "dh", "making the Debian package"),
    _program("dpkg-dev", "dpkg-buildpackage", "making the Debian package"),
    # Nothing is compiled, but dpkg-buildpackage asks for it before it makes any package.
    Need("build-essential", lambda: Path("/usr/share/build-essential").exists(), "making the Debian package"),
)

PACKAGE_TEST_TOOLS = (
    *(need for need in TEST_TOOLS if need.package in ("postfix", "swaks", "xvfb")),
    _program("debootstrap", "debootstrap", "a clean Debian to install into"),
    _program("systemd-container", "systemd-nspawn", "a clean Debian that runs"),
    _program("lintian", "lintian", "the checks of Debian's policy"),
    _program("appstream", "appstreamcli", "the check of the AppStream file"),
    _program("desktop-file-utils", "desktop-file-validate", "the check of the desktop file"),
    _program("nsis", "makensis", "Windows' installer"),
    _program("gcc-mingw-w64-x86-64", "x86_64-w64-mingw32-gcc", "a stand-in for the programs on Windows"),
    Need("wine64", lambda: Path("/usr/lib/wine/wine64").exists(), "running Windows' installer"),
)


def missing(needs: Iterable[Need]) -> list[Need]:
    if not sys.platform.startswith("linux"):
        return []
    return [need for need in needs if not need.present()]


def by_hand(packages: Iterable[str]) -> str:
    """The line a person types to install them, as it works on this system."""
    names = " ".join(dict.fromkeys(packages))
    if shutil.which("apt-get") is None:
        return f"(what this system calls these packages of Debian) {names}"
    line = f"apt-get install {names}"
    is_one = any(_APT_LISTS.glob("*_Packages*"))
    if not is_one:  # a new system knows no package before its first update
        line = f"apt-get update && {line}"
    if os.geteuid() == 0:
        return line
    if shutil.which("sudo") is None:
        return f"su -c '{line}'"
    return f"sudo {line}" if is_one else f"sudo sh -c '{line}'"


def _prefix() -> list[str] | None:
    """What to put before a command so that it runs as root without asking; None when that cannot be had."""
    if os.environ.get("GATEPOST_SYSTEM_PACKAGES") == "no" or shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def install(packages: Iterable[str]) -> bool:
    """Whether the packages could be installed. Says what it does; never asks for a password, never removes a package."""
    wanted = list(dict.fromkeys(packages))
    prefix = _prefix()
    if prefix is None:
        return False
    print(f"Installing system packages: {' '.join(wanted)}", flush=True)
    done = subprocess.run([*prefix, "sh", str(HERE / "install-packages.sh"), *wanted], stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def provide(needs: Iterable[Need]) -> list[Need]:
    """Install what is missing, if allowed. Returns what is still missing."""
    absent = missing(needs)
    if absent and not install(need.package for need in absent):
        # One package that cannot be had (another mail server would have to go) must not keep the rest away.
        for need in absent if _prefix() is not None and len(absent) > 1 else ():
            install([need.package])
    return missing(needs)
