"""Line ends: found whatever stands around them."""

from __future__ import annotations

import re
from itertools import product

import pytest

from gatepost.relay.common.line_ends import are_all_crlf

_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def test_every_mix_of_cr_lf_and_text_is_judged_as_a_search_for_bare_ones_judges_it() -> None:
    for length in range(7):
        for letters in product((b"\r", b"\n", b"x"), repeat=length):
            octets = b"".join(letters)
            assert are_all_crlf(octets) == (_BARE.search(octets) is None), octets


@pytest.mark.parametrize("other", [b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85", b"\xe2\x80\xa8"])
def test_what_ends_lines_only_in_text_is_no_line_end_in_octets(other: bytes) -> None:
    assert are_all_crlf(b"a" + other + b"b\r\n" + other)
