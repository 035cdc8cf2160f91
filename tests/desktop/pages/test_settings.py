"""Settings against a real relay: every field of the configuration has a control, saves and refusals, objects, certificates,
revisions, import and export."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from gatepost.control.client import Client, Remote
from gatepost.control.schema import Difference, UserView
from gatepost.desktop.cards import Dialog
from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.settings import SettingsPage
from gatepost.desktop.pages.settings.certificate_fields import FileField, validity
from gatepost.desktop.pages.settings.differences import change_words, path_words
from gatepost.desktop.pages.settings.form_section import FormSection
from gatepost.desktop.pages.settings.object_section import ObjectSection
from gatepost.desktop.pages.settings.remote import NewTokenDialog, ShownToken
from gatepost.desktop.pages.settings.sections import sections
from gatepost.desktop.pages.settings.spool import schedule_words
from gatepost.desktop.preferences import Theme
from gatepost.desktop.theme import theme, tokens
from gatepost.desktop.theme.tokens import DARK
from gatepost.model.access import TrustedNetwork
from gatepost.model.capture import FaultRule, InboxSettings, Tray
from gatepost.model.dkim import DkimKey
from gatepost.model.errors import GatepostError, Unavailable
from gatepost.model.listener import Listener
from gatepost.model.report import CertificateReport
from gatepost.model.secret import Secret
from gatepost.model.settings import Settings
from gatepost.model.spam import SpamPolicy, VirusPolicy
from tests.support.certificates import Authority

from ..waiting import closed, settled, until

NOW = 1_790_000_000.0


@pytest.fixture
def page(connected_context: AppContext, show: Callable[..., Any]) -> SettingsPage:
    made = SettingsPage(connected_context)
    show(made, 1120, 780)
    return made


def texts(widget: QWidget) -> str:
    return "\n".join(found.text() for found in widget.findChildren(QLabel) if found.isVisibleTo(widget))


def leaves(model: type[BaseModel], prefix: str = "") -> Iterable[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def bound(section: Any) -> set[str]:
    return {path for one in section.form._bound for path in (one.path,)}


async def test_every_field_of_the_configuration_has_a_control(page: SettingsPage) -> None:
    found: dict[str, set[str]] = {}
    for entry in sections():
        await page.show_section(entry.key)
        section = page.section
        if isinstance(section, FormSection):
            found.setdefault(section._name, set()).update(bound(section))
        elif isinstance(section, ObjectSection):
            found[section.collection] = bound(section)
    assert set(leaves(Settings)) - found["settings"] == set()
    assert set(leaves(SpamPolicy)) - found["spam"] == set()
    assert set(leaves(VirusPolicy)) - found["virus"] == set()
    assert set(leaves(InboxSettings)) - found["inbox"] == set()
    shown = {
        "listeners": Listener, "trusted-networks": TrustedNetwork, "users": UserView, "dkim-keys": DkimKey, "trays": Tray,
        "faults": FaultRule,
    }  # fmt: skip
    for collection, kind in shown.items():
        missing = set(leaves(kind)) - found[collection] - {"id", "has_password", "public_key"}
        assert missing == set(), collection
    await closed(page)


async def test_what_the_settings_keep_hidden_costs_nothing_when_the_theme_changes(page: SettingsPage) -> None:
    theme().apply("light")
    await page.enter(section="listeners")
    listeners: Any = page.section
    (listener,) = listeners._objects
    await listeners.edit(listener["id"])
    await page.show_section("spam")
    await page.show_section("listeners")
    listeners._show_list()
    await settled()
    changed = Changed()
    QApplication.instance().installEventFilter(changed)
    theme().apply("dark")
    QApplication.instance().removeEventFilter(changed)
    spam = page._sections["spam"]
    assert listeners.list in changed.widgets
    assert not [one for one in changed.widgets if listeners.editor.isAncestorOf(one) or spam.isAncestorOf(one)]
    await listeners.edit(listener["id"])
    await settled()
    assert DARK.surface in listeners.editor.styleSheet(), "it takes the theme when it is shown"
    theme().apply("light")
    await closed(page)


class Changed(QObject):
    """The widgets whose style changed."""

    def __init__(self) -> None:
        super().__init__()
        self.widgets: list[QWidget] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.StyleChange and isinstance(watched, QWidget):
            self.widgets.append(watched)
        return False


async def test_a_question_of_a_section_has_the_theme_too(page: SettingsPage) -> None:
    await page.enter(section="listeners")
    dialog = Dialog(page.section, "Really?")
    dialog.show()
    await settled()
    assert tokens().surface in dialog.styleSheet()
    dialog.close()
    await closed(page)


async def test_a_save_sends_only_what_the_section_shows_and_keeps_the_rest(page: SettingsPage) -> None:
    client = page.context.session.client
    await page.enter(section="spool")
    section: Any = page.section
    section.form.put("spool.lifetime_hours", 72)
    assert page.has_draft
    assert page.bar.isVisibleTo(page)
    await client.patch_section("settings", {"delivery": {"direct_connections": 3}})
    assert await section.save(), "somebody else's change of another section is no conflict"
    settings = (await client.section("settings")).value
    assert (settings["spool"]["lifetime_hours"], settings["delivery"]["direct_connections"]) == (72, 3)
    assert not page.has_draft
    assert not page.bar.isVisibleTo(page)
    await closed(page)


async def test_a_refused_save_names_the_fields_and_puts_the_cursor_into_the_first(page: SettingsPage) -> None:
    await page.enter(section="delivery")
    section: Any = page.section
    section.form.put("delivery.total_connections", 0)
    section.form.put("delivery.name_servers", ["not an address"])
    assert not await section.save()
    assert "Connections at once, all together" in page.bar._words.text()
    assert "Name servers" in page.bar._words.text()
    page._revert()
    assert not page.has_draft
    await closed(page)


async def test_a_network_that_is_the_world_needs_a_confirmation(page: SettingsPage) -> None:
    await page.enter(section="networks")
    section: Any = page.section
    section.new()
    section.form.put("network", "0.0.0.0/0")
    section.form.refresh()
    await settled()
    assert "(nearly) the whole internet" in texts(section)
    assert not await section.save()
    section.form.put("confirmed_world", True)
    assert await section.save()
    assert "Open to the world" in [found.text() for found in section.list.findChildren(QLabel)]
    await closed(page)


async def test_a_user_gets_a_password_that_is_never_shown_and_can_lose_it(page: SettingsPage) -> None:
    client = page.context.session.client
    await page.enter(section="users")
    section: Any = page.section
    section.new()
    section.form.put("username", "scanner")
    section.edit_password.setText("secret words")
    assert await section.save()
    (user,) = (await client.objects("users")).value
    assert user["has_password"]
    assert section.edit_password.text() == ""
    await section.open(id=user["id"])
    assert section.is_editing
    assert not section.has_draft
    section.remove.setChecked(True)
    assert page.has_draft
    assert await section.save()
    assert not (await client.objects("users")).value[0]["has_password"]
    await closed(page)


async def test_saving_twice_at_once_adds_one_object(page: SettingsPage) -> None:
    """Ctrl+S while the first save is still under way."""
    await page.enter(section="trays")
    section: Any = page.section
    section.new()
    section.form.put("name", "Webshop")
    await asyncio.gather(page._save(), page._save())
    assert [tray["name"] for tray in (await page.context.session.client.objects("trays")).value] == ["Webshop"]
    await closed(page)


async def test_who_goes_to_another_section_while_one_is_being_saved_is_not_asked(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*_arguments: Any, **_options: Any) -> str:
        raise AssertionError("there is nothing to ask")

    monkeypatch.setattr("gatepost.desktop.pages.settings.view.ask_about_draft", ask)
    await page.enter(section="spool")
    section: Any = page.section
    section.form.put("spool.lifetime_hours", 71)
    saving = asyncio.ensure_future(page._save())
    await asyncio.sleep(0)
    assert await page.show_section("delivery")
    assert await saving
    assert (await page.context.session.client.section("settings")).value["spool"]["lifetime_hours"] == 71
    await closed(page)


async def test_what_is_begun_while_another_object_is_being_opened_keeps_what_is_typed(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, let_go = page.context.session.client, asyncio.Event()
    known = (await client.add("trays", {"name": "Known"})).object
    assert known is not None
    real = client.object

    async def slow(collection: str, identifier: str) -> Any:
        found = await real(collection, identifier)
        await let_go.wait()
        return found

    await page.enter(section="trays")
    section: Any = page.section
    with monkeypatch.context() as held:
        held.setattr(client, "object", slow)
        opening = asyncio.ensure_future(section.edit(known["id"]))
        await asyncio.sleep(0)
        section.new()
        section.form.put("name", "Typed")
        let_go.set()
        await opening
    assert section.model.is_new
    assert section.model.get("name") == "Typed"
    await closed(page)


async def test_a_token_is_shown_even_where_the_list_of_tokens_cannot_be_read(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.enter(section="remote")
    section: Any = page.section
    making = asyncio.ensure_future(section.make_token())
    asked = await until(lambda: next(iter(page.findChildren(NewTokenDialog)), None), "its name is asked")
    asked.name.setText("Laptop")
    monkeypatch.setattr(Client, "tokens", _refuse)
    asked.answer("make")
    shown = await until(lambda: next(iter(page.findChildren(ShownToken)), None), "the token is shown")
    assert shown.token.text().startswith("gp_")
    shown.answer("")
    with pytest.raises(Unavailable):
        await making
    await closed(page)


async def test_files_of_another_machine_are_not_looked_for_on_this_one(page: SettingsPage) -> None:
    await page.enter(section="listeners")
    section: Any = page.section
    assert [field.button.isHidden() for field in section.editor.findChildren(FileField)] == [False, False]
    session = page.context.session
    session._elsewhere = Remote("Office", "192.0.2.1", 8443, "0" * 64, Secret("token"))
    assert FileField("Certificate", page).button.isHidden()
    session._elsewhere = None
    await closed(page)


async def test_a_certificate_that_is_told_late_is_not_told_of_other_files(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    issued = Authority(tmp_path).issue("mx.example.com")
    await page.enter(section="listeners")
    section: Any = page.section
    section.new()
    section.form.put("tls", "starttls")
    section.form.put("certificate_file", str(issued.certificate_file))
    section.form.put("key_file", str(issued.key_file))
    real = Client.inspect_certificate

    async def slow(client: Client, *files: str) -> CertificateReport:
        found = await real(client, *files)
        section.form.put("key_file", "/nowhere/else.pem")
        return found

    monkeypatch.setattr(Client, "inspect_certificate", slow)
    await section.certificate._look()
    assert section.certificate.seen.isHidden()
    await closed(page)


async def test_what_is_typed_while_a_section_loads_is_not_overwritten(page: SettingsPage) -> None:
    await page.enter(section="spool")
    section: Any = page.section
    read = section._read

    async def slowly() -> Any:
        found = await read()
        section.form.put("spool.lifetime_hours", 71)
        return found

    section._read = slowly
    await section.load()
    assert section.model.get("spool.lifetime_hours") == 71
    assert page.has_draft
    page._revert()
    await closed(page)


async def test_a_new_user_whose_password_was_refused_is_saved_once_more_not_added(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = page.context.session.client
    await page.enter(section="users")
    section: Any = page.section
    section.new()
    section.form.put("username", "scanner")
    section.edit_password.setText("secret words")
    with monkeypatch.context() as refusing:
        refusing.setattr(Client, "set_user_password", _refuse)
        with pytest.raises(Unavailable):
            await section.save()
    assert section.edit_password.text() == "secret words"
    assert page.has_draft
    assert await section.save()
    (user,) = (await client.objects("users")).value
    assert user["has_password"]
    await closed(page)


async def _refuse(*_arguments: Any, **_options: Any) -> Any:
    raise Unavailable("The vault is locked.")


async def test_a_password_that_is_typed_while_another_one_is_being_saved_stays(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.enter(section="users")
    section: Any = page.section
    section.new()
    section.form.put("username", "scanner")
    section.edit_password.setText("first words")
    real = Client.set_user_password

    async def slow(client: Client, *arguments: Any, **options: Any) -> Any:
        saved = await real(client, *arguments, **options)
        section.edit_password.setText("second words")
        return saved

    with monkeypatch.context() as held:
        held.setattr(Client, "set_user_password", slow)
        assert not await section.save()
    assert section.edit_password.text() == "second words"
    assert page.has_draft
    assert await section.save()
    assert section.edit_password.text() == ""
    await closed(page)


async def test_older_revisions_that_come_after_a_new_one_leave_no_gap(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = page.context.session.client
    for name in ("One", "Two"):
        await client.add("trays", {"name": name})
    await page.enter(section="revisions")
    section: Any = page.section
    newest, *older = section._known
    section._known = [newest]
    real = Client.revisions

    async def slow(found: Client, *arguments: Any, **options: Any) -> Any:
        answer = await real(found, *arguments, **options)
        section._known = [replace(newest, number=newest.number + 1)]
        return answer

    with monkeypatch.context() as held:
        held.setattr(Client, "revisions", slow)
        await section._load_more()
    assert older
    assert [one.number for one in section._known] == [newest.number + 1]
    await closed(page)


async def test_taking_the_version_of_somebody_else_sends_no_password(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = page.context.session.client
    made = (await client.add("users", {"username": "scanner", "enabled": True})).object
    assert made is not None
    await page.enter(section="users")
    section: Any = page.section
    await section.edit(made["id"])
    section.form.put("description", "Mine")
    section.edit_password.setText("secret words")
    await client.patch("users", made["id"], {"description": "Theirs"})

    async def reload(*_arguments: Any, **_options: Any) -> str:
        return "reload"

    monkeypatch.setattr("gatepost.desktop.forms.saving.choose", reload)
    await section.save()
    assert section.model.get("description") == "Theirs"
    assert section.edit_password.text() == ""
    assert not (await client.objects("users")).value[0]["has_password"]
    await closed(page)


async def test_a_password_that_is_discarded_leaves_its_field(page: SettingsPage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def discard(*_arguments: Any, **_options: Any) -> str:
        return "discard"

    monkeypatch.setattr("gatepost.desktop.pages.settings.object_section.ask_about_draft", discard)
    await page.enter(section="users")
    section: Any = page.section
    section.new()
    section.edit_password.setText("secret words")
    await section._back()
    assert not section.is_editing
    assert section.edit_password.text() == ""
    await closed(page)


async def test_what_was_wrong_is_not_said_any_more_once_it_is_right(page: SettingsPage) -> None:
    await page.enter(section="delivery")
    section: Any = page.section
    section.form.put("delivery.total_connections", 0)
    assert not await section.save()
    assert page.bar._words.text().startswith("1 field is not right")
    section.form.put("delivery.total_connections", 7)
    assert page.bar._words.text() == "Changes are not saved."
    page._revert()
    await closed(page)


async def test_a_listener_shows_its_certificate_and_is_opened_with_it(page: SettingsPage, tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("mx.example.com")
    client = page.context.session.client
    await page.enter(section="listeners")
    section: Any = page.section
    section.new()
    for path, value in (
        ("address", "127.0.0.1"), ("port", 0), ("tls", "starttls"), ("description", "Office"),
        ("certificate_file", str(issued.certificate_file)), ("key_file", str(issued.key_file)),
    ):  # fmt: skip
        section.form.put(path, value)
    section.form.refresh()
    section.certificate.look()
    await until(lambda: "mx.example.com" in texts(section.certificate), "the certificate is told")
    assert await section.save()
    reports = (await client.status()).relay.listeners
    assert [report.state.value for report in reports] == ["listening", "listening"]
    await page.show_section("certificates")
    await settled()
    assert "mx.example.com" in texts(page)
    await closed(page)


def test_how_a_certificate_does_is_a_word() -> None:
    def said(**fields: Any) -> str:
        return validity(CertificateReport("", "/c", "/k", **fields), NOW)[0]

    day = 86_400
    assert said(problem="no such file") == "Cannot be used"
    assert said(not_after=NOW - day) == "Expired"
    assert said(not_after=NOW + 5.5 * day) == "Expires in 5 days"
    assert said(not_after=NOW + 99 * day, not_before=NOW + day) == "Not valid yet"
    assert said(not_after=NOW + 99.5 * day, is_self_signed=True) == "Self-signed"
    assert said(not_after=NOW + 99.5 * day) == "Valid for 99 days"


def test_a_schedule_is_told_from_the_arrival_on() -> None:
    assert schedule_words([5, 10, 60]) == "Tried again 5 min, 15 min, 1 h after arrival, at last every 1 h."
    assert "Whole numbers" in schedule_words([5, "x"])


def test_differences_are_told_with_names() -> None:
    names = {"gateways": [{"id": "gw-1", "description": "Main relay", "host": "a", "port": 25}]}
    one = Difference(path="gateways.gw-1.port", before=25, after=587)
    assert (path_words(one, names), change_words(one)) == ("Gateways · Main relay · port", "25 → 587")
    gone = Difference(path="domains.dom-1", before={"id": "dom-1", "domain": "example.com"})
    assert (path_words(gone, names), change_words(gone)) == ("Domains · example.com", "Deleted")
    assert change_words(Difference(path="spam.spf.enabled", before=False, after=True)) == "off → on"


async def test_a_revision_is_shown_with_its_differences_and_restored(
    page: SettingsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatepost.desktop.pages.settings import revisions

    client = page.context.session.client
    await client.patch_section("settings", {"spool": {"lifetime_hours": 72}})
    await page.enter(section="revisions")
    section: Any = page.section
    rows = section.findChildren(revisions.RevisionRow)
    rows[0].toggle.setChecked(True)
    await until(lambda: "120 → 72" in texts(section), "the differences are told")

    async def yes(*_arguments: object, **_options: object) -> bool:
        return True

    monkeypatch.setattr(revisions, "confirm", yes)
    await section.restore(1)
    assert (await client.section("settings")).value["spool"]["lifetime_hours"] == 120
    await closed(page)


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "\udcff"])
async def test_a_file_that_is_no_configuration_is_said_in_words(page: SettingsPage, tmp_path: Path, content: str) -> None:
    from gatepost.desktop.pages.settings.transfer import _read

    path = tmp_path / "configuration.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(GatepostError, match="not JSON"):
        _read(path)


async def test_what_is_exported_is_imported_after_its_changes_were_shown(
    page: SettingsPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatepost.desktop.pages.settings import transfer

    client = page.context.session.client
    await page.enter(section="transfer")
    section: Any = page.section
    path = tmp_path / "configuration.json"
    await section.write(path)
    await section.look_at(path)
    await settled()
    assert "changes nothing" in texts(section)
    document = json.loads(path.read_text())
    document["configuration"]["settings"]["spool"]["lifetime_hours"] = 48
    path.write_text(json.dumps(document))
    await section.look_at(path)
    await settled()
    assert "120 → 48" in texts(section)
    assert (await client.section("settings")).value["spool"]["lifetime_hours"] == 120

    async def yes(*_arguments: object, **_options: object) -> bool:
        return True

    monkeypatch.setattr(transfer, "confirm", yes)
    await section.carry_out()
    assert (await client.section("settings")).value["spool"]["lifetime_hours"] == 48
    path.write_text('{"format": "something else"}')
    await section.look_at(path)
    await settled()
    assert "This file cannot be imported." in texts(section)
    await closed(page)


async def test_block_lists_are_added_and_removed_within_the_spam_form(page: SettingsPage) -> None:
    client = page.context.session.client
    await page.enter(section="spam")
    section: Any = page.section
    from gatepost.desktop.pages.settings.block_lists import BlockListsField

    field = section.findChild(BlockListsField)
    field.add_button.click()
    field._lists[0].zone.field.setText("zen.example.net")
    field._lists[0].zone.field.textEdited.emit("zen.example.net")
    assert await section.save()
    spam = (await client.section("spam")).value
    assert [one["zone"] for one in spam["block_lists"]] == ["zen.example.net"]
    next(b for b in field.findChildren(QWidget) if b.accessibleName().startswith("Remove")).click()
    assert await section.save()
    assert (await client.section("spam")).value["block_lists"] == []
    await closed(page)


async def test_a_key_is_made_and_its_record_told(page: SettingsPage) -> None:
    await page.enter(section="dkim")
    section: Any = page.section
    section.new()
    section.form.put("domain", "example.com")
    assert await section.save()
    assert section.is_editing, "the record is what comes next"
    assert section.record_name.text() == "gatepost._domainkey.example.com"
    assert section.record_text.toPlainText().startswith("v=DKIM1; k=rsa; p=MII")
    await closed(page)


async def test_leaving_a_draft_asks_and_staying_keeps_it(page: SettingsPage, monkeypatch: pytest.MonkeyPatch) -> None:
    from gatepost.desktop.pages.settings import view

    answers = iter([None, "discard"])

    async def answer(*_arguments: object) -> str | None:
        return next(answers)

    monkeypatch.setattr(view, "ask_about_draft", answer)
    await page.enter(section="spool")
    section: Any = page.section
    section.form.put("spool.lifetime_hours", 72)
    assert not await page.show_section("delivery")
    assert page.section is section
    assert page.has_draft
    assert await page.show_section("delivery")
    assert not section.has_draft
    await closed(page)


async def test_appearance_takes_effect_at_once_and_sections_fold_where_it_is_narrow(
    page: SettingsPage, show: Callable[..., Any]
) -> None:
    await page.enter(section="appearance")
    section: Any = page.section
    section.theme.set_value(Theme.DARK)
    section._set_theme()
    assert page.context.preferences.theme is Theme.DARK
    section.text_size.set_value(1.3)
    section._set_size()
    assert page.context.preferences.text_size == 1.3
    page.resize(480, 640)
    await settled()
    assert page.choice.isVisibleTo(page)
    assert not page.list.isVisibleTo(page)
    page.choice.choose("spool")
    page.choice.wanted.emit("spool")
    await until(lambda: page._current == "spool", "the section is shown")
    await closed(page)
