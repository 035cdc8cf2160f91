"""Names that strangers chose, as names of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost.desktop.pages.lists.file_names import MAX_OCTETS, safe_name, unused


@pytest.mark.parametrize(
    ("proposed", "expected"),
    [
        ("invoice.pdf", "invoice.pdf"), ("Größe März.xlsx", "Größe März.xlsx"), ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"), ("/etc/passwd", "passwd"), ("C:\\x.exe", "x.exe"), (".bashrc", "bashrc"),
        ("..", "fallback"), ("", "fallback"), ("   ", "fallback"), ("a\0b\r\nc.txt", "abc.txt"),
        ("exe\u202efdp.scr", "exefdp.scr"),
        ("zero\u200bwidth.txt", "zerowidth.txt"), ("CON", "_CON"), ("nul.txt", "_nul.txt"), ("lpt1.tar.gz", "_lpt1.tar.gz"),
        ("what?*<>|\":.txt", "what_______.txt"), ("trailing. . ", "trailing"), ("many    spaces.txt", "many spaces.txt"),
        ("folder/", "fallback"), ("console.txt", "console.txt"),
    ],
)  # fmt: skip
def test_a_name_becomes_a_plain_file_name(proposed: str, expected: str) -> None:
    assert safe_name(proposed, "fallback") == expected


@pytest.mark.parametrize("proposed", ["x" * 5000 + ".pdf", "ü" * 500 + ".pdf", "y" * 5000, "a." + "z" * 300])
def test_a_long_name_is_cut_before_its_ending(proposed: str) -> None:
    name = safe_name(proposed, "fallback")
    assert len(name.encode()) <= MAX_OCTETS
    assert name.endswith(".pdf") is proposed.endswith(".pdf")


def test_a_file_that_is_there_is_never_taken(tmp_path: Path) -> None:
    for name in ("a.txt", "a (2).txt", "plain"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert unused(tmp_path, "a.txt").name == "a (3).txt"
    assert unused(tmp_path, "plain").name == "plain (2)"
    assert unused(tmp_path, "link").name == "link (2)"
    assert unused(tmp_path, "new.txt").name == "new.txt"
