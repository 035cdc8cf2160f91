from __future__ import annotations

import math

import pytest

from gatepost.model.spam import SpamLevel, SpamPolicy
from gatepost.relay.inspection.scoring import Points, judge


@pytest.mark.parametrize(
    ("points", "level"),
    [(9.9, SpamLevel.NONE), (10.0, SpamLevel.LOW), (19.99, SpamLevel.LOW), (20, SpamLevel.MEDIUM), (30, SpamLevel.HIGH)],
)
def test_a_score_that_reaches_a_threshold_is_of_its_level(points: float, level: SpamLevel) -> None:
    assert judge((Points("one", points),), SpamPolicy()).level is level


def test_a_failed_source_adds_nothing_and_is_shown() -> None:
    verdict = judge((Points("one", 12.5, "GTUBE"), Points("two", 99, "timeout", failed=True)), SpamPolicy())
    assert (verdict.score, verdict.level) == (12.5, SpamLevel.LOW)
    assert verdict.arithmetic == "one +12.5 (GTUBE), two failed (timeout)"


@pytest.mark.parametrize("points", [float("nan"), float("inf"), float("-inf"), 1e308 * 100])
def test_a_score_that_is_no_number_hides_nothing_of_what_others_found(points: float) -> None:
    verdict = judge((Points("one", 12.5), Points("two", points)), SpamPolicy())
    assert (verdict.score, verdict.level) == (12.5, SpamLevel.LOW)
    assert verdict.arithmetic == "one +12.5, two failed (its score is no number)"


def test_the_header_cannot_be_broken_by_what_a_scanner_says() -> None:
    header = judge((Points("one", 1, "evil\r\nBcc: all@example.com"),), SpamPolicy()).header()
    lines = header.split(b"\r\n")
    assert lines[-1] == b""
    assert all(line.startswith((b"X-Gatepost-Spam: ", b"\t")) for line in lines[:-1])


@pytest.mark.parametrize(("points", "level"), [(1e308, SpamLevel.HIGH), (-1e308, SpamLevel.NONE)])
def test_scores_at_the_edge_of_all_numbers_do_not_add_up_to_infinity(points: float, level: SpamLevel) -> None:
    verdict = judge((Points("one", points), Points("two", points)), SpamPolicy())
    assert math.isfinite(verdict.score)
    assert verdict.level is level
    assert len(verdict.header()) < 1000


def test_what_two_sources_at_the_edge_take_from_each_other_is_nothing() -> None:
    parts = (Points("one", 1e308), Points("two", 1e308), Points("three", -1e308), Points("four", -1e308), Points("five", 12.5))
    assert judge(parts, SpamPolicy()).score == 12.5
