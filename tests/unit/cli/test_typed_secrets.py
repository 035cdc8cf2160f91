"""What is typed at a terminal where a secret is wanted: asked for, and not shown."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("terminals of POSIX systems", allow_module_level=True)

import pty

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


def at_a_terminal(program: str, *answers: tuple[str, str]) -> str:
    """Run ``program`` and type each answer when its question stands there. Returns all that the terminal showed."""
    here, there = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", program], stdin=there, stdout=there, stderr=there, start_new_session=True)
    os.close(there)
    shown = ""
    waiting = list(answers)
    try:
        while True:
            try:
                more = os.read(here, 4096)
            except OSError:  # Linux: the other side has closed it
                break
            if not more:
                break
            shown += more.decode()
            if waiting and waiting[0][0] in shown:
                os.write(here, f"{waiting.pop(0)[1]}\n".encode())
        assert process.wait(30) == 0, shown
    finally:
        process.kill()
        process.wait()
        os.close(here)
    return shown


@pytest.mark.parametrize(("program", "question"), [(PASSWORD, "The password: "), (CLIENT_SECRET, "The client secret: ")])
def test_a_secret_from_standard_input_is_asked_for_unseen_where_that_is_a_terminal(program: str, question: str) -> None:
    shown = at_a_terminal(program, (question, SECRET), ("Once more: ", SECRET))
    assert SECRET not in shown
    assert shown.split()[-2:] == ["got", str(len(SECRET))]
