"""What ``--help`` says of every option of every command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any

import pytest

from gatepost.cli.main import build_parser
from gatepost.cli.option_words import complete
from gatepost.cli.registry import COMMANDS
from gatepost.cli.sections import _SUCH_AS
from gatepost.model.configuration import Configuration


def parsers(parser: argparse.ArgumentParser, path: str = "gatepost") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from parsers(inner, f"{path} {name}")


EVERY = dict(parsers(build_parser(COMMANDS)))


def test_every_option_and_argument_says_what_it_is_for() -> None:
    spoken = ((path, one) for path, parser in EVERY.items() for one in parser._actions)
    assert [f"{path}: {one.dest}" for path, one in spoken if not one.help and one.nargs != argparse.PARSER] == []


def test_no_name_of_the_programs_own_is_shown_for_a_value() -> None:
    shown = {path: re.sub(r"“[^”]*”", "", parser.format_usage()) for path, parser in EVERY.items()}
    assert [path for path, usage in shown.items() if re.search(r"\bFIELD|[A-Z]_[A-Z]", usage)] == []


def test_every_help_can_be_printed() -> None:
    for path, parser in EVERY.items():
        assert path in parser.format_help()


@pytest.mark.parametrize("section", ["settings", "spam", "virus"])
def test_the_example_of_a_field_is_one_of_its_section(section: str) -> None:
    found: Any = getattr(Configuration(), section)
    for name in _SUCH_AS[section].partition("=")[0].split("."):
        found = getattr(found, name)
    assert isinstance(found, bool | int | float)


def test_an_option_that_says_nothing_is_told_to_its_author() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--unheard-of")
    with pytest.raises(LookupError, match="--unheard-of"):
        complete(parser, "gateway", "add")
