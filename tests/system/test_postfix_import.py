"""What the import reads out of main.cf is what Postfix itself reads out of it (postconf of the Debian package)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatepost.importing.kinds import ImportKind, propose
from gatepost.importing.postfix.main_cf import MainCf
from gatepost.importing.proposal import SourceFile
from tests.support.mail_tools import tool
from tests.unit.importing.support import SAMPLES, postfix_sample

TRICKY = """\
# continuation lines, comments in between, and what stands twice
myhostname = first.example
myhostname =   gw.office.example
mynetworks = 127.0.0.0/8,
# a comment within
   [::1]/128

\t192.168.0.0/16
empty =
x_a = one
x_b = ${x_a}two $(x_a) $x_a
x_c = ${empty?nothing} ${x_a?something} ${empty:else} ${x_a:unused}
x_d = ${x_a?{yes it is}:{no}} ${empty?{yes}:{no it is not}}
x_e = ${mydomain} costs $$5
x_f = $x_b/$x_e
"""


def postconf(folder: Path, *options: str) -> dict[str, str]:
    done = subprocess.run(
        [tool("postconf"), "-c", str(folder), *options], capture_output=True, text=True, check=True, timeout=60
    )
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def given(folder: Path, text: str) -> MainCf:
    (folder / "main.cf").write_text(text)
    (folder / "master.cf").write_text((SAMPLES / "postfix" / "master.cf").read_text())
    return MainCf(SourceFile(str(folder / "main.cf"), text))


@pytest.mark.parametrize("text", [TRICKY, (SAMPLES / "postfix" / "main.cf").read_text()], ids=["tricky", "sample"])
def test_every_parameter_has_the_value_that_postfix_sees(tmp_path: Path, text: str) -> None:
    ours = given(tmp_path, text)
    theirs = postconf(tmp_path, "-n", "-x")
    assert theirs
    for name, value in theirs.items():
        if name != "config_directory":
            assert ours.text(name).split() == value.replace(str(tmp_path), "/etc/postfix").split(), name


def test_what_postconf_prints_is_read_like_the_file_itself(tmp_path: Path) -> None:
    files = postfix_sample()
    given(tmp_path, next(file.text for file in files if file.name.endswith("main.cf")))
    done = subprocess.run([tool("postconf"), "-c", str(tmp_path), "-n"], capture_output=True, text=True, check=True, timeout=60)
    printed = [SourceFile("postconf-n.txt", done.stdout), *(file for file in files if not file.name.endswith("main.cf"))]
    ours = propose(ImportKind.POSTFIX, files)
    from_postconf = propose(ImportKind.POSTFIX, printed)
    assert {part.key: part.value for part in from_postconf.parts} == {part.key: part.value for part in ours.parts}
    assert from_postconf.secrets.keys() == ours.secrets.keys()
