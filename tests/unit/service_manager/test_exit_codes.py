"""``gatepost service status`` for scripts: exit codes as those of ``systemctl status`` (LSB)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from gatepost.cli import service
from gatepost.cli.main import Roles, main
from gatepost.model.errors import GatepostError
from gatepost.service_manager.values import Manager, NoManager, ServiceReport, State

NO_ROLES = cast(Roles, None)


@dataclass
class Answering:
    """A manager that finds the service in one state, or cannot be asked."""

    answer: State | GatepostError

    def status(self) -> ServiceReport:
        if isinstance(self.answer, GatepostError):
            raise self.answer
        return ServiceReport(self.answer, "systemd", data_folder=str(Path("/var/lib/gatepost")))


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.RUNNING, 0),
        (State.STARTING, 3),
        (State.STOPPING, 3),
        (State.STOPPED, 3),
        (State.FAILED, 3),
        (State.NOT_INSTALLED, 4),
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_state_is_the_exit_code(
    state: State, code: int, options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(service, "manager", lambda: cast(Manager, Answering(state)))
    assert main(["service", "status", *options], NO_ROLES) == code
    said = capsys.readouterr().out
    assert (json.loads(said)["state"] == state) if options else (service.STATES[state] in said)


def test_a_manager_that_cannot_be_asked_leaves_the_state_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(service, "manager", lambda: cast(Manager, Answering(NoManager("It does not answer.", "", "Wait."))))
    assert main(["service", "status", "--json"], NO_ROLES) == 4
    error = json.loads(capsys.readouterr().err)["error"]
    assert (error["code"], error["title"], error["hint"]) == ("no-service-manager", "It does not answer.", "Wait.")


@pytest.mark.parametrize("question", [["help", "exit-codes"], ["service", "status", "--help"]])
def test_the_codes_are_told_where_one_looks_for_them(question: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(question, NO_ROLES) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "0 it runs" in said
    assert "3 it does not run" in said
    assert "4 it is not installed" in said
