"""The small values: replies, secrets, queue ids, errors, envelopes, places."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.envelope import Envelope, Notify, Recipient
from gatepost.model.errors import Conflict, GatepostError, InvalidInput, Issue, NotFound, Unavailable
from gatepost.model.identifiers import queue_id, row_id
from gatepost.model.locations import default_data_folder, endpoint_file, runtime_folder
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret


class TestReply:
    def test_one_line_carries_its_enhanced_code(self) -> None:
        assert Reply(250, "2.0.0", "Ok").wire() == b"250 2.0.0 Ok\r\n"
        assert Reply(220, "", "ready").wire() == b"220 ready\r\n"

    def test_several_lines_repeat_both_codes(self) -> None:
        assert Reply(550, "5.7.1", "no\nreally").wire() == b"550-5.7.1 no\r\n550 5.7.1 really\r\n"

    def test_it_is_said_on_one_line(self) -> None:
        assert str(Reply(550, "5.7.1", "no\nreally")) == "550 5.7.1 no / really"

    def test_its_class_is_told_by_the_code(self) -> None:
        for code, kinds in ((250, (1, 0, 0)), (354, (1, 0, 0)), (421, (0, 1, 0)), (554, (0, 0, 1)), (199, (0, 0, 0))):
            reply = Reply(code, "", "")
            assert (reply.is_positive, reply.is_transient, reply.is_permanent) == kinds

    @given(st.text(max_size=2000))
    def test_whatever_the_text_the_wire_is_safe(self, text: str) -> None:
        lines = Reply(550, "5.7.1", text).wire().split(b"\r\n")
        assert lines.pop() == b""
        for index, line in enumerate(lines):
            assert len(line) <= 510
            assert line[:4] == (b"550 " if index == len(lines) - 1 else b"550-")
            assert all(32 <= octet < 127 for octet in line)


class TestSecret:
    def test_it_does_not_print_itself(self) -> None:
        secret = Secret("canary")
        assert secret.reveal() == "canary"
        assert "canary" not in f"{secret} {secret!r} {[secret]} {secret!s}"

    def test_equality_is_by_value_and_only_among_secrets(self) -> None:
        assert Secret("a") == Secret("a")
        assert Secret("a") != Secret("b")
        assert Secret("a") != "a"
        assert len({Secret("a"), Secret("a")}) == 1


class TestQueueIds:
    @given(st.integers(0, 1 << 62))
    def test_an_id_leads_back_to_its_row_in_either_case(self, number: int) -> None:
        text = queue_id(number)
        assert row_id(text) == number
        assert row_id(text.lower()) == number
        assert len(text) >= 6

    @pytest.mark.parametrize("text", ["", "A", "00000O", "12 34", "12-34", "ß", "١٢٣", "0\n"])
    def test_what_is_no_id_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="queue id"):
            row_id(text)

    def test_a_negative_row_has_no_id(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            queue_id(-1)

    def test_ids_hold_no_vowels(self) -> None:
        assert not set("AEIOU") & set("".join(queue_id(number) for number in range(5000)))


class TestErrors:
    def test_an_error_reads_as_title_cause_and_way_out(self) -> None:
        assert str(GatepostError("It broke.", "The disk is full.", "Make room.")) == "It broke. The disk is full. Make room."
        assert str(GatepostError("It broke.")) == "It broke."

    def test_invalid_input_names_each_field(self) -> None:
        error = InvalidInput([Issue("port", "too large"), Issue("", "all wrong")])
        assert error.detail == "port: too large; all wrong"

    def test_each_kind_has_its_own_status_exit_code_and_name(self) -> None:
        kinds = (GatepostError, InvalidInput, NotFound, Conflict, Unavailable)
        assert [kind.status for kind in kinds] == [400, 422, 404, 409, 503]
        assert len({kind.exit_code for kind in kinds}) == len({kind.code for kind in kinds}) == len(kinds)


def test_an_envelope_knows_its_domains() -> None:
    envelope = Envelope("a@example.com", (Recipient("b@example.org"), Recipient('"x@y"@example.net')))
    assert envelope.sender_domain == "example.com"
    assert [recipient.domain for recipient in envelope.recipients] == ["example.org", "example.net"]
    assert Envelope("", ()).sender_domain == ""
    assert envelope.recipients[0].notify is Notify.UNSPECIFIED


def test_the_data_folder_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEPOST_DATA", str(tmp_path / "here"))
    assert default_data_folder() == tmp_path / "here"
    monkeypatch.delenv("GATEPOST_DATA")
    assert default_data_folder().name == "gatepost"


def test_each_data_folder_has_a_runtime_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    assert runtime_folder(one) != runtime_folder(two)
    assert runtime_folder(one) == runtime_folder(two / ".." / "one")
    assert endpoint_file(one).parent == runtime_folder(one)
    assert not runtime_folder(one).exists()
