"""What is said of a server certificate before and while it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost.relay.reception.certificates import describe
from gatepost.relay.reception.tls import Pair
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def test_a_usable_pair_is_told_with_names_and_end(authority: Authority) -> None:
    issued = authority.issue("mail.example.org", "192.0.2.1")
    found = describe(Pair(issued.certificate_file, issued.key_file), listener="ls-1")
    assert (found.listener, found.names, found.fingerprint) == ("ls-1", ("mail.example.org", "192.0.2.1"), issued.fingerprint)
    assert "Test authority" in found.issuer
    assert found.not_after is not None
    assert (found.problem, found.is_self_signed) == ("", False)


def test_a_key_of_another_certificate_is_a_problem_that_names_the_certificate_all_the_same(authority: Authority) -> None:
    one, other = authority.issue("one.example.org"), authority.issue("other.example.org")
    found = describe(Pair(one.certificate_file, other.key_file))
    assert "cannot be used" in found.problem
    assert found.names == ("one.example.org",)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_is_missing_or_holds_none_says_so(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "certificate.pem"
    if content is not None:
        path.write_text(content)
    found = describe(Pair(path, path))
    assert str(path) in found.problem
    assert found.hint


def test_an_unreadable_key_says_so(authority: Authority, tmp_path: Path) -> None:
    issued = authority.issue("one.example.org")
    found = describe(Pair(issued.certificate_file, tmp_path / "gone.key"))
    assert "gone.key" in found.problem
    assert "account of the relay" in found.hint
