"""What is typed at a terminal where a secret is wanted: asked for, and not shown."""

from __future__ import annotations

import sys

import pytest

if sys.platform == "win32":
    pytest.skip("only on systems with terminals of POSIX", allow_module_level=True)

from tests.support import terminal

SECRET = "canary of the terminal"
PASSWORD = """
from gatepost.cli.session import read_password
print("got", len(read_password("The password", from_stdin=True).reveal()))
"""
CLIENT_SECRET = """
import argparse
from gatepost.cli.oauth import read_client_secret
print("got", len(read_client_secret(argparse.Namespace(client_secret_stdin=True)).reveal()))
"""


@pytest.mark.parametrize(("program", "question"), [(PASSWORD, "The password: "), (CLIENT_SECRET, "The client secret: ")])
def test_a_secret_from_standard_input_is_asked_for_unseen_where_that_is_a_terminal(
    program: str, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 20.0)
    typed = [(question, SECRET), ("Once more: ", SECRET)]
    code, shown = terminal.at_a_terminal([sys.executable, "-c", program], *typed)
    assert code == 0, shown
    assert SECRET not in shown
    assert shown.split()[-2:] == ["got", str(len(SECRET))]
