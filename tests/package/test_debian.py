"""The Debian package in a clean Debian 12 with a real systemd: a life from the first installation to the purge.

The tests are one story and run in their order; each goes on where the one before it ended.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mail_tools import tool

from .conftest import OLD
from .machine import ROOT, Machine
from .screen import Screen

PASSWORD = "kanarienvogel-8264-nowhere-else"
DATA = "/var/lib/gatepost"
SUBMISSION = 2525
NET_BIND_SERVICE = 1 << 10
"""CAP_NET_BIND_SERVICE as a bit, from linux/capability.h."""


class Inbox:
    """The next hop: runs in the machine's network, beside it. What it saw stands in a file, one JSON line for each event."""

    def __init__(self, machine: Machine, folder: Path, port: int) -> None:
        self.path = folder / f"inbox-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "tests.support.smtp_peer", "--port", str(port), "--user", f"me:{PASSWORD}"]
        with self.path.open("wb") as log:
            self._process = subprocess.Popen(
                machine.beside(*command, "--require-auth"), stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=ROOT
            )
        wait_until(lambda: bool(self.events("listening")), "the next hop listens")

    def events(self, kind: str) -> list[dict[str, Any]]:
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)


class Story:
    """What the tests hand on to each other."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.inbox: Inbox | None = None

    def gatepost(self, *arguments: str, stdin: str = "") -> Any:
        """A command to the service's relay, as its administrator gives it."""
        said = self.machine.call("gatepost", "--relay", "service", "--json", *arguments, stdin=stdin).stdout
        return json.loads(said) if said.strip() else None

    def send(self, recipient: str, port: int = SUBMISSION) -> None:
        command = [tool("swaks"), "--server", f"127.0.0.1:{port}", "--from", "me@example.com", "--to", recipient]
        done = subprocess.run(self.machine.beside(*command), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def main_pid(self) -> int:
        """The service's process, as this computer calls it."""
        return self.machine.host_pid(self.inner_pid())

    def inner_pid(self) -> int:
        """The service's process, as the machine calls it; 0 while there is none."""
        return int(self.machine.call("systemctl", "show", "--property=MainPID", "--value", "gatepost").stdout)

    def is_active(self) -> bool:
        return self.machine.call("systemctl", "is-active", "gatepost", check=False).stdout.strip() == "active"

    def journal(self) -> str:
        return self.machine.call("journalctl", "--no-pager", "--unit=gatepost", "--lines=40", check=False).stdout

    def exists(self, path: str) -> bool:
        return self.machine.call("test", "-e", path, check=False).returncode == 0


def wait_until(done: Callable[[], bool], what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def story(machine: Machine, old_deb: Path, new_deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    machine.download(old_deb, new_deb)
    machine.boot()
    told = Story(machine, tmp_path_factory.mktemp("story"))
    yield told
    if told.inbox is not None:
        told.inbox.close()


def test_the_service_runs_after_the_installation_as_its_own_user_with_one_right_and_without_qt(
    story: Story, old_deb: Path
) -> None:
    story.machine.install(f"/root/{old_deb.name}")
    assert story.machine.call("dpkg-query", "-Wf", "${Version}", "gatepost").stdout == OLD
    assert story.is_active(), story.journal()
    assert story.machine.call("systemctl", "is-enabled", "gatepost").stdout.strip() == "enabled"
    pid = story.main_pid()
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    own = int(story.machine.call("id", "-u", "gatepost").stdout)
    assert set(re.findall(r"^Uid:\s+(.*)$", status, re.MULTILINE)[0].split()) == {str(own)}
    assert own > 0
    for kind in ("CapEff", "CapPrm", "CapAmb", "CapBnd"):
        assert int(re.findall(rf"^{kind}:\s+(\w+)$", status, re.MULTILINE)[0], 16) == NET_BIND_SERVICE, kind
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    mapped = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    assert "libpython" in mapped
    assert "Qt" not in mapped
    assert "PySide" not in mapped


def test_systemd_finds_nothing_wrong_with_the_unit(story: Story) -> None:
    found = story.machine.call("systemd-analyze", "verify", "--man=no", "gatepost.service", check=False)
    assert found.returncode == 0, found.stderr
    assert found.stderr.strip() == ""
    exposure = story.machine.call("systemd-analyze", "security", "--no-pager", "gatepost.service").stdout
    level = re.search(r"Overall exposure level for gatepost.service: ([\d.]+)", exposure)
    assert level is not None
    assert float(level[1]) < 1.6, exposure


def test_what_the_service_keeps_is_its_own_alone(story: Story) -> None:
    modes = story.machine.call("stat", "-c", "%a %U %n", DATA, "/run/gatepost", "/etc/credstore.encrypted/gatepost-vault-key")
    assert modes.stdout.splitlines()[:2] == [f"700 gatepost {DATA}", "750 gatepost /run/gatepost"]
    assert re.match(r"[46]00 root ", modes.stdout.splitlines()[2]), modes.stdout
    open_to_others = story.machine.call("find", DATA, "-perm", "/077").stdout
    assert open_to_others == ""
    assert "systemd credential gatepost-vault-key" in story.gatepost("vault", "status")["label"]


def test_members_of_its_group_may_administer_it_and_nobody_else(story: Story) -> None:
    story.machine.call("useradd", "--create-home", "person")
    as_person = ["runuser", "-u", "person", "--", "gatepost", "--relay", "service", "--json", "status"]
    refused = story.machine.call(*as_person, check=False)
    assert refused.returncode != 0
    assert json.loads(refused.stderr)["error"]["code"] == "not-allowed"
    story.machine.call("adduser", "--quiet", "person", "gatepost")
    assert json.loads(story.machine.call(*as_person).stdout)["relay"]["version"]


def test_programs_that_it_starts_do_not_get_its_libraries(story: Story) -> None:
    story.machine.call("mkdir", "/root/watched")
    watched = '#!/bin/sh\nenv >/root/watched/environment\nexec /usr/bin/systemctl "$@"\n'
    story.machine.call("sh", "-c", "cat >/root/watched/systemctl && chmod 755 /root/watched/systemctl", stdin=watched)
    path = "PATH=/root/watched:/usr/sbin:/usr/bin:/sbin:/bin"
    report = json.loads(story.machine.call("env", path, "gatepost-relay", "--json", "service", "status").stdout)
    assert report["state"] == "running"
    assert "LD_LIBRARY_PATH" not in story.machine.call("cat", "/root/watched/environment").stdout


def test_at_first_only_this_computer_is_listened_to(story: Story) -> None:
    said = subprocess.run(
        story.machine.beside("cat", "/proc/net/tcp", "/proc/net/tcp6"), capture_output=True, text=True, check=True
    )
    listening = [line.split()[1] for line in said.stdout.splitlines() if " 0A " in line]
    assert [address for address in listening if address.startswith("0100007F:")] == listening, "127.0.0.1 and nothing else"
    assert f"0100007F:{SUBMISSION:04X}" in listening


def test_mail_is_relayed_with_a_sealed_password(story: Story) -> None:
    story.inbox = Inbox(story.machine, story.folder, 2600)
    gateway = ["--host", "127.0.0.1", "--port", "2600", "--encryption", "none", "--auth-username", "me", "--password-stdin"]
    gateway += ["--set", "auth.allow_cleartext=true"]
    story.gatepost("gateway", "add", *gateway, stdin=PASSWORD + "\n")
    story.send("one@example.net")
    wait_until(lambda: len(story.inbox.events("message")) == 1, "the message arrives")  # type: ignore[union-attr]
    assert story.machine.call("grep", "-rlF", PASSWORD, DATA, "/etc", "/run", check=False).stdout == "", "nowhere in the clear"


def test_a_port_below_1024_can_be_listened_on(story: Story) -> None:
    story.gatepost("listener", "add", "--address", "127.0.0.1", "--port", "25", "--mode", "trusted")
    story.send("two@example.net", port=25)
    wait_until(lambda: len(story.inbox.events("message")) == 2, "the message arrives")  # type: ignore[union-attr]


def test_an_upgrade_keeps_waiting_mail_and_delivers_it(story: Story, new_deb: Path) -> None:
    assert story.inbox is not None
    story.inbox.close()
    story.send("three@example.net")
    wait_until(lambda: story.gatepost("spool", "counts")["deferred"] == 1, "the message is deferred")
    before = story.main_pid()
    story.machine.install(f"/root/{new_deb.name}")
    assert story.machine.call("dpkg-query", "-Wf", "${Version}", "gatepost").stdout != OLD
    assert story.is_active(), story.journal()
    assert story.main_pid() != before, "the new relay runs"
    assert story.gatepost("spool", "counts")["deferred"] == 1
    story.inbox = Inbox(story.machine, story.folder, 2600)
    story.gatepost("spool", "retry", "--everything", "--yes")
    wait_until(lambda: len(story.inbox.events("message")) == 1, "the message arrives")  # type: ignore[union-attr]
    wait_until(lambda: story.gatepost("status")["spool"]["total"] == 0, "the spool is empty")


def test_a_relay_that_is_killed_is_started_again(story: Story) -> None:
    before = story.inner_pid()
    story.machine.call("systemctl", "kill", "--signal=KILL", "gatepost")
    wait_until(lambda: story.inner_pid() not in (0, before) and story.is_active(), "it runs again")


def test_the_window_opens_and_paints_for_a_person_whose_relay_is_the_program_beside_it(story: Story) -> None:
    story.machine.call("install", "-d", "-m", "700", "-o", "person", "-g", "person", "/home/person/run")
    with Screen(story.machine, story.folder) as screen:
        person = [
            "runuser",
            "-u",
            "person",
            "--",
            "env",
            f"DISPLAY={screen.display}",
            "HOME=/home/person",
            "XDG_RUNTIME_DIR=/home/person/run",
        ]
        log = (story.folder / "window.log").open("wb")
        window = subprocess.Popen(story.machine.inside(*person, "gatepost"), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: screen.colours() > 50, "the window is painted")

            relay = ("/usr/lib/gatepost/gatepost-relay", "relay", "--data", "/home/person/.local/share/gatepost")
            wait_until(lambda: story.machine.running(*relay) != [], "it has started a relay")
            wait_until(
                lambda: story.machine.call("find", "/home/person/run", "-name", "endpoint.json").stdout != "", "which is ready"
            )
            time.sleep(2)  # for the picture that a person may look at: pages are filled once the relay answers
            screen.save(ROOT / "build" / "package-window.png")
            (pid,) = story.machine.running(*relay)
            assert "libQt6" not in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
        finally:
            for pid in story.machine.running("gatepost"):
                os.kill(pid, signal.SIGTERM)
            window.wait(20)
            log.close()


def test_a_relay_that_somebody_ran_so_far_moves_into_the_service_with_its_mail_and_its_password(story: Story) -> None:
    assert story.inbox is not None
    story.inbox.close()
    own = "/root/own"
    key = ("--vault", "sealed", "--vault-key-file", f"{own}/key")
    program = ("env", f"XDG_RUNTIME_DIR={own}/run", "gatepost")
    story.machine.call("mkdir", "-m", "700", own, f"{own}/run")
    relay = story.machine.inside(*program, "relay", "--data", f"{own}/data", *key, "--create-vault-key")
    with (story.folder / "own.log").open("wb") as log:
        process = subprocess.Popen(relay, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ask(*arguments: str, stdin: str = "") -> Any:
        return json.loads(story.machine.call(*program, "--data", f"{own}/data", "--json", *arguments, stdin=stdin).stdout)

    status = (*program, "--data", f"{own}/data", "status")
    wait_until(lambda: story.machine.call(*status, check=False).returncode == 0, "the relay of root's own answers")
    (listener,) = ask("listener", "list")
    ask("listener", "edit", listener["id"], "--port", "2526")
    gateway = ["--host", "127.0.0.1", "--port", "2600", "--encryption", "none", "--auth-username", "me", "--password-stdin"]
    ask("gateway", "add", *gateway, "--set", "auth.allow_cleartext=true", "--no-verify", stdin=PASSWORD + "\n")
    story.send("moved@example.net", port=2526)
    wait_until(lambda: ask("spool", "counts")["deferred"] == 1, "the message is deferred")

    adopt = (*program, "--json", "service", "adopt", "--from", f"{own}/data", *key)
    refused = story.machine.call(*adopt, check=False)
    assert refused.returncode == 5
    assert "--replace" in refused.stderr
    assert process.poll() is None, "it is not ended for nothing"
    found = json.loads(story.machine.call(*adopt, "--replace").stdout.splitlines()[-1])
    process.wait(30)
    assert not story.exists(f"{own}/data")
    assert story.exists(f"{found['moved_to']}/spool.sqlite")
    assert story.exists(f"{found['set_aside']}/spool.sqlite")
    assert story.is_active(), story.journal()
    assert story.machine.call("find", DATA, "-perm", "/077", "-o", "!", "-user", "gatepost").stdout == ""
    assert story.machine.call("find", "/run", "/var/lib", "/tmp", "-name", "gatepost-key-*").stdout == "", "no copy of the key"
    (stored,) = story.gatepost("secret", "list")
    assert "systemd credential gatepost-vault-key" in stored["backend"]
    assert story.machine.call("grep", "-rlF", PASSWORD, DATA, own, "/etc", "/run", check=False).stdout == ""

    story.inbox = Inbox(story.machine, story.folder, 2600)
    story.gatepost("spool", "retry", "--everything", "--yes")
    wait_until(lambda: len(story.inbox.events("message")) == 1, "the message arrives")  # type: ignore[union-attr]
    wait_until(lambda: story.gatepost("status")["spool"]["total"] == 0, "the spool is empty")
    story.gatepost("listener", "edit", listener["id"], "--port", str(SUBMISSION))


def test_removing_it_leaves_the_mail(story: Story) -> None:
    story.inbox.close()  # type: ignore[union-attr]
    story.inbox = None
    story.send("four@example.net")
    story.machine.call("apt-get", "-y", "-q", "remove", "gatepost")
    assert not story.exists("/usr/lib/gatepost")
    assert not story.exists("/usr/bin/gatepost")
    assert not story.is_active()
    assert story.exists(f"{DATA}/vault.sealed")
    assert story.machine.call("id", "gatepost").returncode == 0


def test_purging_it_leaves_nothing(story: Story) -> None:
    story.machine.call("apt-get", "-y", "-q", "purge", "gatepost")
    assert story.machine.call("id", "gatepost", check=False).returncode != 0
    assert story.machine.call("getent", "group", "gatepost", check=False).returncode != 0
    elsewhere = ["/proc", "/sys", "/root", "/home", "/var/lib/apt", "/var/cache/apt"]
    pruned = [word for path in elsewhere for word in ("-path", path, "-o")][:-1]
    left = story.machine.call("find", "/", "(", *pruned, ")", "-prune", "-o", "-name", "*gatepost*", "-print").stdout
    assert left == ""
    assert story.machine.call("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout.strip() == ""


def test_lintian_has_no_errors(new_deb: Path) -> None:
    found = subprocess.run(["lintian", "--no-tag-display-limit", str(new_deb)], capture_output=True, text=True, check=False)
    assert [line for line in found.stdout.splitlines() if line.startswith("E:")] == []
    assert found.returncode == 0, found.stdout + found.stderr


def test_both_changelogs_lie_where_they_are_said_to(new_deb: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", str(new_deb), str(tmp_path)], check=True)
    debians = gzip.decompress((tmp_path / "usr/share/doc/gatepost/changelog.gz").read_bytes()).decode()
    assert debians.startswith("gatepost (")
    named = re.search(r"See (/\S+\.gz)\.", debians)
    assert named is not None
    assert gzip.decompress(Path(f"{tmp_path}{named[1]}").read_bytes()).startswith(b"# Changelog")


def test_what_desktops_read_is_valid(new_deb: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", str(new_deb), str(tmp_path)], check=True)
    share = tmp_path / "usr/share"
    subprocess.run(["appstreamcli", "validate", "--no-net", *map(str, share.glob("metainfo/*.xml"))], check=True)
    subprocess.run(["desktop-file-validate", str(share / "applications/gatepost.desktop")], check=True)
    assert (share / "icons/hicolor/48x48/apps/gatepost.png").read_bytes().startswith(b"\x89PNG")
    assert (share / "bash-completion/completions/gatepost").read_text(encoding="utf-8").count("gatepost") > 1
