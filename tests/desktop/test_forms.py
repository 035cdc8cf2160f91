"""Forms: what is dirty, when an issue is said, what a mode hides and keeps, what a conflict asks."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from gatepost.control.client import Tagged
from gatepost.control.schema import Saved
from gatepost.desktop.cards import Card, Disclosure, FieldRow, ListField, NumberField
from gatepost.desktop.forms import Form, FormModel, Outcome, save
from gatepost.desktop.forms.wording import words
from gatepost.desktop.i18n import set_language
from gatepost.desktop.pages.gateways.draft import GatewayDraft, defaults, duplicate_of
from gatepost.model.errors import Conflict, InvalidInput, Issue, NotFound
from gatepost.model.gateway import GatewayMode
from gatepost.model.settings import DeliverySettings

from ..support.relay_process import ROOT
from ..support.sentences import filled, texts

MAIN: dict[str, Any] = defaults(GatewayMode.ROUND_ROBIN.value) | {"id": "gw-1", "host": "smtp.example.com"}


def gateway_draft(**changes: Any) -> GatewayDraft:
    draft = GatewayDraft()
    draft.begin(MAIN | changes, 7)
    return draft


# --- the model ---


def test_dirty_is_what_differs_not_what_was_touched() -> None:
    draft = gateway_draft()
    assert not draft.is_dirty
    draft.set("description", "Main")
    assert draft.is_dirty
    draft.set("description", "")
    assert not draft.is_dirty


def test_an_issue_is_said_once_its_field_was_left_or_saving_was_tried() -> None:
    draft = gateway_draft()
    draft.set("host", "not a host")
    assert [issue.field for issue in draft.issues] == ["host"]
    assert draft.shown_issues == ()
    draft.touch("host")
    assert [issue.field for issue in draft.shown_issues] == ["host"]
    other = gateway_draft(host="not a host")
    other.show_all()
    assert [issue.field for issue in other.shown_issues] == ["host"]


def test_what_the_relay_refused_is_said_until_the_field_is_changed() -> None:
    draft = gateway_draft()
    draft.merge([Issue("smartermail.url", "nobody answers there")])
    assert [issue.message for issue in draft.shown_at("smartermail.url")] == ["nobody answers there"]
    draft.set("host", "mail.example.com")
    assert draft.shown_at("smartermail.url")
    draft.set("smartermail.url", "https://mail.example.com")
    assert not draft.shown_at("smartermail.url")


def test_issues_of_a_list_belong_to_its_field() -> None:
    draft = GatewayDraft()
    draft.begin(
        defaults(GatewayMode.DOMAIN_FORWARD.value) | {"addresses": ["192.0.2.1", "x"], "domains": ["example.org"]}, None
    )
    draft.touch("addresses")
    assert [issue.field for issue in draft.shown_at("addresses")] == ["addresses.1"]


# --- gateways ---


@pytest.mark.parametrize("mode", [mode.value for mode in GatewayMode])
def test_a_new_gateway_of_each_mode_lacks_only_what_nobody_can_guess(mode: str) -> None:
    draft = GatewayDraft()
    draft.begin(defaults(mode), None, is_new=True)
    lacking = {"domain-forward": {"addresses", "domains"}, "backup-mx": {"addresses"}}.get(mode, {"host"})
    found = {issue.field for issue in draft.issues}
    assert found <= lacking
    assert found
    assert not draft.is_dirty


def test_switching_the_mode_back_and_forth_loses_nothing_that_was_typed() -> None:
    draft = gateway_draft()
    draft.set("weight", 9)
    draft.set("auth.enabled", True)
    draft.set("auth.username", "me")
    draft.choose_encryption("tls")
    draft.choose_mode("domain-forward")
    assert draft.get("encryption") == "starttls-when-offered"
    assert draft.get("port") == 25
    draft.set("domains", ["example.org"])
    draft.set("addresses", ["192.0.2.7"])
    sent = draft.candidate()
    assert sent["mode"] == "domain-forward"
    assert "weight" not in sent
    assert draft.is_valid
    draft.choose_mode("specific-domains")
    assert draft.get("domains") == []
    draft.choose_mode("round-robin")
    assert (draft.get("weight"), draft.get("auth.username"), draft.get("encryption"), draft.get("port")) == (
        9,
        "me",
        "tls",
        465,
    )
    draft.choose_mode("domain-forward")
    assert draft.get("domains") == ["example.org"]
    assert draft.get("addresses") == ["192.0.2.7"]


def test_an_encryption_proposes_its_port_until_one_is_typed() -> None:
    draft = GatewayDraft()
    draft.begin(defaults("round-robin"), None, is_new=True)
    ports = []
    for encryption in ("none", "starttls-when-offered", "starttls-required", "tls"):
        draft.choose_encryption(encryption)
        ports.append(draft.get("port"))
    assert ports == [25, 25, 587, 465]
    draft.type_port(2525)
    draft.choose_encryption("none")
    assert draft.get("port") == 2525


def test_a_port_that_was_taken_back_does_not_count_as_typed() -> None:
    draft = gateway_draft()
    draft.type_port(2525)
    draft.revert()
    draft.choose_encryption("tls")
    assert draft.get("port") == 465


def test_a_port_that_was_saved_counts_as_typed() -> None:
    draft = gateway_draft(port=10025)
    draft.choose_encryption("tls")
    assert draft.get("port") == 10025


def test_what_stands_in_a_part_that_is_off_is_neither_sent_nor_in_the_way() -> None:
    draft = gateway_draft()
    draft.set("smartermail.enabled", True)
    draft.set("smartermail.url", "no url")
    assert not draft.is_valid
    draft.set("smartermail.enabled", False)
    assert draft.is_valid
    assert not draft.is_dirty
    assert draft.get("smartermail.url") == "no url"


def test_a_duplicate_is_disabled_and_has_an_id_of_its_own() -> None:
    copy = duplicate_of(MAIN)
    assert copy["id"] != MAIN["id"]
    assert not copy["enabled"]
    assert copy["host"] == MAIN["host"]


# --- words ---


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("at most 65535", "At most 65535."),
        ("“” is not a host name or an IP address: the domain is empty", "This is needed."),
        (
            "“x y” is not a host name or an IP address: the domain name is malformed",
            "“x y” is not a host name or an IP address.",
        ),
        ("something new", "Something new."),
    ],
)
def test_an_issue_is_said_as_a_sentence(message: str, said: str) -> None:
    assert words(Issue("host", message)) == said


def test_an_issue_is_said_in_the_language_of_the_window() -> None:
    set_language("de")
    assert words(Issue("port", "at most 65535")) == "Höchstens 65535."


# --- widgets ---


class Delivery(QWidget):
    """A form of two fields, one of them folded away."""

    def __init__(self) -> None:
        super().__init__()
        from gatepost.desktop.cards import rows

        self.model = FormModel(DeliverySettings)
        self.form = Form(self.model)
        outer = rows(self)
        card = Card("Delivery")
        outer.addWidget(card)
        self.port = self.form.add("direct_port", FieldRow("Port", NumberField()))
        card.add(self.port)
        self.more = Disclosure("More")
        self.servers = self.form.add("name_servers", FieldRow("Name servers", ListField()))
        self.more.add(self.servers)
        card.add(self.more)
        self.model.load(DeliverySettings().model_dump(mode="json"), 3)
        self.form.refresh()


def test_typing_reaches_the_model_and_its_error_comes_when_the_field_is_left(show: Any) -> None:
    page = Delivery()
    show(page)
    field = page.port.field
    assert isinstance(field, NumberField)
    field.edit.setFocus()
    field.edit.selectAll()
    QTest.keyClicks(field.edit, "99999")
    assert page.model.get("direct_port") == 99999
    assert page.port.error == ""
    field.edit.editingFinished.emit()
    assert page.port.error == "At most 65535."


def test_filling_a_form_writes_nothing_into_the_draft(show: Any) -> None:
    page = Delivery()
    show(page)
    assert not page.model.is_dirty
    page.form.refresh()
    assert page.model.draft == page.model.original


def test_the_first_wrong_field_is_jumped_to_even_where_it_is_folded_away(show: Any) -> None:
    page = Delivery()
    show(page)
    page.model.set("name_servers", ["192.0.2.53", "x"])
    page.model.show_all()
    assert page.form.wrong_captions == ("Name servers",)
    assert page.form.jump_to_first_issue()
    assert page.more.is_open
    assert page.form.stray_issues == ()


def test_an_issue_without_a_field_is_not_lost(show: Any) -> None:
    page = Delivery()
    show(page)
    page.model.merge([Issue("listeners.0.port", "is in use")])
    assert [issue.message for issue in page.form.stray_issues] == ["is in use"]
    assert not page.form.jump_to_first_issue()


# --- saving ---


class Relay:
    """Holds one object at a revision, as the control API does."""

    def __init__(self, value: dict[str, Any], revision: int) -> None:
        self.value, self.revision = value, revision
        self.sent: list[int | None] = []
        self.gone = False

    async def send(self, candidate: dict[str, Any], revision: int | None) -> Saved:
        self.sent.append(revision)
        if revision is not None and revision != self.revision:
            raise Conflict("The configuration has changed.")
        self.value, self.revision = candidate, self.revision + 1
        return Saved(revision=self.revision, object=candidate)

    async def read(self) -> Tagged:
        if self.gone:
            raise NotFound("gone")
        return Tagged(self.value, self.revision)


async def test_a_change_elsewhere_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = gateway_draft()
    relay = Relay(dict(MAIN), 9)
    draft.set("description", "Mine")
    assert await save(QWidget(), draft, relay.send, relay.read) is Outcome.SAVED
    assert relay.value["description"] == "Mine"
    assert relay.sent == [7, 9]
    assert not draft.is_dirty


@pytest.mark.parametrize("is_partial", [False, True])
async def test_what_is_typed_while_it_is_saved_stays_and_is_not_taken_for_saved(is_partial: bool) -> None:
    draft = gateway_draft()
    relay = Relay(dict(MAIN), 7)

    async def send(candidate: dict[str, Any], revision: int | None) -> Saved:
        draft.set("description", "Typed meanwhile")
        draft.set("limits.connections", 9)
        saved = await relay.send(candidate, revision)
        return saved.model_copy(update={"object": None}) if is_partial else saved

    draft.set("description", "Mine")
    assert await save(QWidget(), draft, send, relay.read) is Outcome.SAVED
    assert (relay.value["description"], draft.get("description")) == ("Mine", "Typed meanwhile")
    assert draft.get("limits.connections") == 9
    assert draft.is_dirty
    assert draft.original["description"] == "Mine"
    assert draft.revision == relay.revision


@pytest.mark.parametrize(
    ("answer", "outcome", "kept"),
    [("reload", Outcome.RELOADED, "Theirs"), ("overwrite", Outcome.SAVED, "Mine"), (None, Outcome.CANCELLED, "Mine")],
)
async def test_a_change_of_the_same_object_is_asked_about(
    monkeypatch: pytest.MonkeyPatch, answer: str | None, outcome: Outcome, kept: str
) -> None:
    async def choose(*_arguments: Any, **_options: Any) -> str | None:
        return answer

    monkeypatch.setattr("gatepost.desktop.forms.saving.choose", choose)
    draft = gateway_draft()
    draft.set("description", "Mine")
    relay = Relay(MAIN | {"description": "Theirs"}, 8)
    assert await save(QWidget(), draft, relay.send, relay.read) is outcome
    assert draft.get("description") == kept
    assert relay.value["description"] == ("Mine" if answer == "overwrite" else "Theirs")


async def test_what_is_put_into_the_form_while_another_object_is_saved_is_not_mixed_with_it() -> None:
    draft = gateway_draft()
    relay = Relay(dict(MAIN), 7)

    async def send(candidate: dict[str, Any], revision: int | None) -> Saved:
        draft.begin(MAIN | {"id": "gw-2", "description": "Another"}, 7)
        return await relay.send(candidate, revision)

    draft.set("description", "Mine")
    assert await save(QWidget(), draft, send, relay.read) is Outcome.LEFT
    assert relay.value["description"] == "Mine"
    assert (draft.get("id"), draft.get("description")) == ("gw-2", "Another")
    assert not draft.is_dirty


@pytest.mark.parametrize("error", [Conflict("changed"), InvalidInput([Issue("host", "not today")])])
async def test_what_becomes_of_a_save_that_the_form_has_left_is_told_and_nothing_else_is_sent(error: Exception) -> None:
    draft = gateway_draft()
    sent: list[int | None] = []

    async def send(_candidate: dict[str, Any], revision: int | None) -> Saved:
        sent.append(revision)
        draft.begin(MAIN | {"id": "gw-2"}, 7)
        raise error

    draft.set("description", "Mine")
    with pytest.raises(type(error)):
        await save(QWidget(), draft, send, Relay(dict(MAIN), 9).read)
    assert sent == [7]
    assert not draft.shown_issues


async def test_an_object_that_was_deleted_meanwhile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = gateway_draft()
    draft.set("description", "Mine")
    relay = Relay(dict(MAIN), 8)
    relay.gone = True
    with pytest.raises(NotFound):
        await save(QWidget(), draft, relay.send, relay.read)
    assert draft.get("description") == "Mine"


async def test_a_refusal_changes_nothing_and_is_said_at_its_field() -> None:
    async def send(_candidate: dict[str, Any], _revision: int | None) -> Saved:
        raise InvalidInput([Issue("encryption", "not today")])

    draft = gateway_draft()
    draft.set("description", "Mine")
    assert await save(QWidget(), draft, send, None) is Outcome.REFUSED
    assert [issue.message for issue in draft.shown_at("encryption")] == ["not today"]
    assert draft.is_dirty


async def test_what_is_wrong_is_not_even_sent() -> None:
    draft = gateway_draft(host="not a host")
    relay = Relay(dict(MAIN), 7)
    assert await save(QWidget(), draft, relay.send, relay.read) is Outcome.REFUSED
    assert relay.sent == []


def test_whatever_the_model_says_of_a_field_has_words_in_german() -> None:
    """Through the model's sources: a new message without German fails here."""
    set_language("de")
    names = {"ValueError", "Issue", "PydanticCustomError", "field_error", "AddressError"}
    unknown = []
    for path in sorted((ROOT / "app/gatepost/model").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (getattr(node.func, "id", "") or getattr(node.func, "attr", "")) in names:
                found = (text for argument in node.args for text in texts(argument, {}) if " " in text)
                unknown += [f"{path.name}:{node.lineno}: {text}" for text in found if not _is_said(text)]
    assert unknown == []


def _is_said(text: str) -> bool:
    if text == "“{}” {}":  # what it is followed by is looked for where it stands
        return all(
            _is_said(f"“x” {words}") for words in ("is used twice", "is already a user", "already has a row of this kind")
        )
    return any(words(Issue("", example)).casefold().rstrip(".") != example.casefold() for example in filled(text))
