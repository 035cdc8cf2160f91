"""Stand-ins for a system's own tools, at the boundary of the process: real programs on PATH that note how they were called."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

_PROGRAM = """#!{python} -IS
import json, pathlib, sys
folder = pathlib.Path({folder!r})
name = pathlib.Path(sys.argv[0]).name
arguments = sys.argv[1:]
stdin = sys.stdin.read()
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([name, arguments, stdin]) + "\\n")
rules = json.loads((folder / "rules.json").read_text())
call = [name, *arguments]
found = next((rule for rule in reversed(rules) if call[: len(rule[0])] == rule[0]), None)
if found is not None and found[4] is not None:
    found[4] -= 1
left = [rule for rule in rules if rule[4] != 0 and (not rule[5] or call[: len(rule[5])] != rule[5])]
(folder / "rules.json").write_text(json.dumps(left))
if found is not None:
    sys.stdout.write(found[2])
    sys.stderr.write(found[3])
    sys.exit(found[1])
if name == "systemd-creds" and "encrypt" in arguments:
    pathlib.Path(arguments[-1]).write_text(stdin.encode().hex())
if name == "systemd-creds" and "decrypt" in arguments:
    sys.stdout.write(bytes.fromhex(pathlib.Path(arguments[-2]).read_text()).decode())
"""


class SystemTools:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "rules.json").write_text("[]")
        for name in names:
            program = folder / name
            program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
            program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    def answer(
        self, *words: str, code: int = 0, text: str = "", error: str = "", times: int | None = None, until: Sequence[str] = ()
    ) -> None:
        """What a call that begins with these words answers from now on, so many times, or until a call that begins with
        ``until`` was made; then what was said before counts again. Without a rule it succeeds and says nothing."""
        file = self._folder / "rules.json"
        rules = json.loads(file.read_text())
        file.write_text(json.dumps([*rules, [list(words), code, text, error, times, list(until)]]))

    @property
    def calls(self) -> list[tuple[str, ...]]:
        return [(name, *arguments) for name, arguments, _ in self._noted()]

    def stdin_of(self, *words: str) -> str:
        return next(stdin for name, arguments, stdin in self._noted() if [name, *arguments][: len(words)] == list(words))

    def _noted(self) -> list[tuple[str, list[str], str]]:
        path = self._folder / "calls"
        return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
