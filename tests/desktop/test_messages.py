from __future__ import annotations

from pathlib import Path

from gatepost.desktop.bug_report import BugReport, redacted
from gatepost.desktop.messages import Attention, Messages, Notice
from gatepost.model.errors import Unavailable


def test_an_expected_failure_becomes_a_banner_in_its_own_words(messages: Messages) -> None:
    seen: list[Notice] = []
    messages.banner_raised.connect(seen.append)

    def again() -> None: ...

    messages.banner("spool", Unavailable("No.", "Because.", "Do this."), again)
    assert seen == [Notice("spool", "No.", "Because.", "Do this.", again)]


def test_an_unexpected_failure_is_a_banner_and_a_bug_report(messages: Messages) -> None:
    notices: list[Notice] = []
    bugs: list[BugReport] = []
    messages.banner_raised.connect(notices.append)
    messages.bug_found.connect(bugs.append)
    messages.banner("spool", KeyError("x"))
    assert notices[0].is_bug
    assert bugs[0].summary == "KeyError (spool)"


def test_the_same_bug_is_shown_once(messages: Messages) -> None:
    bugs: list[BugReport] = []
    messages.bug_found.connect(bugs.append)
    for _ in range(3):
        try:
            raise ValueError("each time another value")
        except ValueError as error:
            messages.bug(error, "test")
    assert len(bugs) == 1


def test_trouble_is_listed_until_it_is_settled_and_notified_once(messages: Messages) -> None:
    notified: list[str] = []
    messages.notified.connect(lambda title, text: notified.append(title))
    messages.attention("gateway:1", "A gateway rests", "first")
    messages.attention("gateway:1", "A gateway rests", "second")
    assert messages.attention_list == (Attention("gateway:1", "A gateway rests", "second"),)
    messages.settled("gateway:1")
    assert messages.attention_list == ()
    assert notified == ["A gateway rests"]


def test_a_report_names_no_person_no_machine_and_no_secret() -> None:
    text = (
        f"login of jo.doe@example.com at mail.example.com [192.0.2.7] or 2001:db8::1 with password=hunter2 failed: "
        f"server said 'who is jo?'; see {Path.home()}/secret-plans, token AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
    )
    clean = redacted(text)
    for word in ("jo.doe", "example.com", "192.0.2.7", "2001:db8", "hunter2", "who is jo", str(Path.home()), "AbCdEf"):
        assert word not in clean
    assert "failed" in clean


def test_a_report_holds_the_way_to_the_mistake_and_its_cause(messages: Messages) -> None:
    try:
        try:
            raise OSError("inner a@b.example")
        except OSError as inner:
            raise RuntimeError("outer") from inner
    except RuntimeError as error:
        report = messages.bug(error, "somewhere")
    assert "RuntimeError: outer" in report.text
    assert "OSError: inner …@…" in report.text
    assert "test_messages.py" in report.text
