"""The Debian package where nothing is run by systemd, as in a container: the unit's command line, started by hand."""

from __future__ import annotations

import json
from pathlib import Path

from .machine import ROOT, Machine

SCRIPT = """
set -eu
install -d -m 750 -o gatepost -g gatepost /run/gatepost
setpriv --reuid=gatepost --regid=gatepost --init-groups env HOME=/var/lib/gatepost {command} >/root/relay.log 2>&1 &
relay=$!
for _ in $(seq 300); do
    [ -e /run/gatepost/endpoint.json ] && break
    sleep 0.1
done
gatepost --relay service --json vault status || cat /root/relay.log
kill "$relay"
wait "$relay"
echo "ended: $?"
"""


def test_the_key_is_a_file_of_the_services_user_and_the_relay_runs_by_the_units_command(
    machine: Machine, new_deb: Path
) -> None:
    (name,) = machine.download(new_deb)
    machine.run("apt-get", "-q", "-y", "--no-install-recommends", "install", name)
    assert machine.run("stat", "-c", "%a %U", "/etc/gatepost/vault.key").stdout.strip() == "600 gatepost"
    before = machine.run("cat", "/etc/gatepost/vault.key").stdout
    machine.run("dpkg-reconfigure", "gatepost")
    assert machine.run("cat", "/etc/gatepost/vault.key").stdout == before, "a key is never replaced"

    unit = (ROOT / "resources/service/gatepost.service").read_text(encoding="utf-8")
    command = next(line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart="))
    said = machine.run("sh", "-c", SCRIPT.format(command=command), alone=True).stdout
    vault, ended = said.rstrip().rsplit("\n", 1)
    assert "key file /etc/gatepost/vault.key" in json.loads(vault)["label"]
    assert ended == "ended: 0"

    machine.run("apt-get", "-q", "-y", "purge", "gatepost")
    assert not (machine.root / "etc/gatepost").exists()
    assert not (machine.root / "var/lib/gatepost").exists()
