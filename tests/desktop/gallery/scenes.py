"""What there is to see: every page as it is entered, and what a person does there that shows something else.

A page that is added to the registry is looked at by itself; list here only what needs a click.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gatepost.desktop.delivery_mark import DeliveryMark
from gatepost.desktop.i18n import tr
from gatepost.desktop.pages.gateways.verify_dialog import VerifyDialog
from gatepost.desktop.pages.registry import PAGES
from gatepost.desktop.theme import theme
from gatepost.model.gateway import GatewayMode
from gatepost.model.report import OAuthReport, OAuthState
from tests.unit.importing.support import SAMPLES

from .sample import DEVELOPERS

Act = Callable[[Any], Awaitable[None]]
SIGNED_IN = OAuthReport(
    "gw-1", "delegated", OAuthState.SIGNED_IN, "admin@example.com", since=1_790_000_000.0, token_until=1_790_003_600.0
)
FAILING = OAuthReport(
    "gw-1", "delegated", OAuthState.FAILING, since=1_790_000_000.0,
    problem="The sign-in was revoked or has expired: sign in again. It said “invalid_grant – Token has been revoked.”.",
    hint="Sign in again on the gateway's Authentication card (or “gatepost gateway sign-in”); until then its mail waits.",
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """``arguments`` go to ``Page.enter``; ``act`` is given the page afterwards."""

    name: str
    page: str
    arguments: dict[str, Any] = field(default_factory=dict)
    act: Act | None = None
    undo: Act | None = None
    """Takes back what ``act`` changed on the relay; given the page, before the next scene."""
    is_tall: bool = False
    """The page's whole body is shown, however long it is."""


async def _open_everything(page: Any) -> None:
    """Switch on whatever shows more fields, open whatever is folded."""
    from gatepost.desktop.cards import Disclosure

    draft = page.form.draft
    for path in ("auth.enabled", "smartermail.enabled", "spam.enabled", "verification.use_list", "verification.call_forward"):
        draft.set(path, True)
    page.form.form.refresh()
    for found in page.form.findChildren(Disclosure):
        found.open()


def _oauth(report: OAuthReport | None, **oauth: str) -> Act:
    """A gateway that signs in by OAuth 2.0, with everything of it to be seen."""

    async def act(page: Any) -> None:
        draft = page.form.draft
        settings = {"client_id": "6c1d2f0a-93f4-4d1b-8a57-1f7f1c0e5a11", "tenant": "example.com", **oauth}
        values = {"enabled": True, "method": "oauth", "username": "relay@example.com"}
        for path, value in [*values.items(), *((f"oauth.{name}", value) for name, value in settings.items())]:
            draft.set(f"auth.{path}", value)
        page.form.form.refresh()
        page.form.authentication.oauth.more.open()
        page.form.authentication.oauth.show_report(report)

    return act


async def _try_to_save(page: Any) -> None:
    page.form.draft.set("host", "")
    page.form.draft.set("port", 70000)
    page.form.form.refresh()
    page.form.draft.show_all()


async def _choose_two(page: Any) -> None:
    page.list.table.selectRow(0)
    page.list.table.selectionModel().select(
        page.list.model.index(1, 0),
        page.list.table.selectionModel().SelectionFlag.Select | page.list.table.selectionModel().SelectionFlag.Rows,
    )


async def _search_in_vain(page: Any) -> None:
    page.list.search.setText("no such gateway")


async def _verify(page: Any) -> None:
    """Until the last stage is there, and nothing turns any more."""
    page.form.verify_button.click()
    for _ in range(200):
        await asyncio.sleep(0.05)
        dialog = page.window().findChild(VerifyDialog)
        if dialog is not None and dialog._close.text().replace("&", "") != tr("Cancel"):
            return
    raise AssertionError("the verification did not end")


async def _ask_to_delete(page: Any) -> None:
    page.list.action_wanted.emit("delete", ["gw-second"])
    await asyncio.sleep(0.1)


async def _send_a_test_message(page: Any) -> None:
    """The dialog after it was sent."""
    from gatepost.desktop.cards import Tone
    from gatepost.desktop.pages.gateways.test_message import TestMessageDialog

    dialog = TestMessageDialog(page.context, "gw-main", "Main relay", page)
    dialog.from_field.setText("me@example.org")
    dialog.to_field.setText("you@partner.example")
    theme().style_dialog(dialog)
    dialog.open()
    dialog.outcome.tell(Tone.GOOD, tr("Handed over as {id}.", id="00013H"), tr("Tracking shows what becomes of it."))
    dialog.outcome.add_action(tr("Show it in Tracking"), lambda: None)
    dialog.outcome.show()


async def _wait_for_the_browser(page: Any) -> None:
    from gatepost.desktop.pages.gateways.sign_in import SignInDialog

    gateway = {"id": "gw-main", "auth": {"username": "relay@example.com"}}
    dialog = SignInDialog(page.context.session.client, gateway, None, page)
    dialog._tell_waiting(True)
    dialog._again.hide()
    theme().style_dialog(dialog)
    dialog.open()


GATEWAYS = (
    Scene("gateways-delete", "gateways", act=_ask_to_delete),
    Scene("gateway-test-message", "gateways", {"gateway": "gw-main"}, _send_a_test_message),
    Scene("gateway-sign-in", "gateways", {"gateway": "gw-main"}, _wait_for_the_browser),
    Scene("gateways-chosen", "gateways", act=_choose_two),
    Scene("gateways-nothing-found", "gateways", act=_search_in_vain),
    Scene("gateway-main", "gateways", {"gateway": "gw-main"}),
    Scene("gateway-resting", "gateways", {"gateway": "gw-bulk"}),
    Scene("gateway-oauth-signed-in", "gateways", {"new": "round-robin"}, _oauth(SIGNED_IN), is_tall=True),
    Scene("gateway-oauth-failing", "gateways", {"new": "round-robin"}, _oauth(FAILING, provider="google"), is_tall=True),
    Scene("gateway-oauth-application", "gateways", {"new": "round-robin"}, _oauth(None, flow="application"), is_tall=True),
    *(Scene(f"gateway-new-{mode.value}", "gateways", {"new": mode.value}, is_tall=True) for mode in GatewayMode),
    *(
        Scene(f"gateway-full-{mode.value}", "gateways", {"new": mode.value}, _open_everything, is_tall=True)
        for mode in GatewayMode
    ),
    Scene("gateway-verified", "gateways", {"gateway": "gw-main"}, _verify),
    Scene("gateway-not-verified", "gateways", {"gateway": "gw-bulk"}, _verify),
    Scene("gateway-wrong", "gateways", {"gateway": "gw-main"}, _try_to_save),
)


async def _change_rows(page: Any) -> None:
    rows = page.draft
    moved = [{**rows[0], "route": {"via": "direct"}}, *rows[1:]]
    page._put([*moved, {**rows[0], "id": "dom-new", "domain": "shop.example.org", "route": {"via": "round-robin"}}])


async def _choose_a_rule(page: Any) -> None:
    page.table.selectRow(0)


async def _add_domains(page: Any) -> None:
    from gatepost.desktop.pages.domains.editor import RuleDialog

    dialog = RuleDialog(page, page.draft, page._gateways)
    dialog.domains.field.set_values(("shop.example.org", "*.example.net"))
    dialog.open()


async def _switch_on_sources(page: Any) -> None:
    section = page.section
    for path in ("spamd", "rspamd", "spf", "dkim", "dmarc", "reverse_dns", "null_sender", "scanner_headers"):
        section.form.put(f"{path}.enabled", True)
    section.form.refresh()


async def _begin_new(page: Any) -> None:
    page.section.new()


async def _capture_at_a_listener(page: Any) -> None:
    await page.section.edit(page.section._objects[0]["id"])
    page.section.handling._action.set_value("redirect")
    page.section.handling._action.chosen.emit()


async def _trust_the_world(page: Any) -> None:
    page.section.new()
    page.section.form.put("network", "0.0.0.0/0")
    page.section.form.refresh()


async def _tell_by_mail(page: Any) -> None:
    page.section.form.put("alarms.mail", True)
    page.section.form.put("alarms.recipients", ["admin@example.org", "night@example.org"])
    page.section.form.refresh()
    page.section.follow()


async def _pick_up(page: Any) -> None:
    page.section.form.put("pickup.enabled", True)
    page.section.form.put("pickup.folder", "/var/spool/gatepost-pickup")
    page.section.form.refresh()
    page.section.follow()


async def _come_from_postfix(page: Any) -> None:
    await page.section.foreign.look_at([SAMPLES / "postfix" / "main.cf"])


async def _save_wrong_delivery(page: Any) -> None:
    page.section.form.put("delivery.total_connections", 0)
    page.section.form.put("delivery.name_servers", ["no address"])
    page.section.form.refresh()
    await page.section.save()


_ASKED = {"sender": "news@bulk.example.org", "recipient": "reader1@customer.example", "client": "192.0.2.4"}
DOMAINS = (
    Scene("domains-changed", "domains", act=_change_rows),
    Scene("domains-chosen", "domains", act=_choose_a_rule),
    Scene("domains-add", "domains", act=_add_domains),
)
EXPLAIN = (Scene("explain-answered", "explain", _ASKED, is_tall=True),)


def _settings() -> tuple[Scene, ...]:
    from gatepost.desktop.pages.settings.sections import sections

    return (
        *(Scene(f"settings-{entry.key}", "settings", {"section": entry.key}) for entry in sections()),
        Scene("settings-spam-full", "settings", {"section": "spam"}, _switch_on_sources, is_tall=True),
        Scene("settings-listener-new", "settings", {"section": "listeners"}, _begin_new, is_tall=True),
        Scene("settings-listener-redirects", "settings", {"section": "listeners"}, _capture_at_a_listener),
        Scene("settings-tray-new", "settings", {"section": "trays"}, _begin_new, is_tall=True),
        Scene("settings-fault-new", "settings", {"section": "faults"}, _begin_new, is_tall=True),
        Scene("settings-network-world", "settings", {"section": "networks"}, _trust_the_world),
        Scene("settings-alarms-full", "settings", {"section": "alarms"}, _tell_by_mail, is_tall=True),
        Scene("settings-pickup-full", "settings", {"section": "pickup"}, _pick_up),
        Scene("settings-transfer-postfix", "settings", {"section": "transfer"}, _come_from_postfix, is_tall=True),
        Scene("settings-delivery-wrong", "settings", {"section": "delivery"}, _save_wrong_delivery),
    )


async def _quiet(page: Any) -> None:
    """What the page began is done, and lists show it."""
    for _ in range(100):
        await asyncio.sleep(0.01)
        if not page.tasks.names:
            return


async def _open_row(page: Any, wanted: Callable[[Any], bool], tab: int | None = None) -> None:
    """Choose the first row that is wanted and open its details."""
    rows = [row for number in page.model.ids if (row := page.model.known(number)) is not None and wanted(row)]
    page.table.choose(rows[0].id)
    page.table.opened.emit(rows[0].id)
    await _quiet(page)
    if tab is not None:
        page.detail.tabs.setCurrentIndex(tab)


async def _open_delivery(page: Any) -> None:
    await _open_row(page, lambda row: True)


async def _open_route(page: Any) -> None:
    await _open_row(page, lambda row: True, tab=4)


async def _choose_all(page: Any) -> None:
    page.table.selectAll()


async def _open_story(page: Any) -> None:
    """With each dialogue shown."""
    from gatepost.desktop.pages.lists.timeline import _Dialogue

    await _open_row(page, lambda row: row.state == "delivered" and "order" in row.subject)
    for dialogue in page.detail.findChildren(_Dialogue):
        dialogue._button.setChecked(True)


async def _open_refused(page: Any) -> None:
    await _open_row(page, lambda row: row.state == "bounced")


async def _open_spam(page: Any) -> None:
    await _open_row(page, lambda row: row.level == "high")


async def _open_preview(page: Any) -> None:
    await _open_row(page, lambda row: row.level == "high", tab=1)
    await _quiet(page)
    page.detail.preview._kinds.choose("html")
    page.detail.preview._show()


LISTS = (
    Scene("spool-delivery", "spool", act=_open_delivery),
    Scene("spool-route", "spool", act=_open_route),
    Scene("spool-chosen", "spool", act=_choose_all),
    Scene("spool-nothing-found", "spool", {"text": "no such message"}),
    Scene("tracking-delivered", "tracking", act=_open_story),
    Scene("tracking-refused", "tracking", act=_open_refused),
    Scene("tracking-nothing-found", "tracking", {"text": "no such message"}),
    Scene("quarantine-why", "quarantine", act=_open_spam),
    Scene("quarantine-preview", "quarantine", act=_open_preview),
)


async def _open_order(page: Any, tab: str = "html") -> None:
    await _open_row(page, lambda row: "order" in row.subject and row.attachment_count)
    await _quiet(page)
    page.detail.tabs.setCurrentWidget(getattr(page.detail, tab))


async def _open_attachments(page: Any) -> None:
    await _open_order(page, "attachments")


async def _open_parts(page: Any) -> None:
    await _open_order(page, "parts")


async def _open_plain(page: Any) -> None:
    await _open_row(page, lambda row: row.subject.startswith("Test:"))


async def _ask_to_release(page: Any) -> None:
    await _open_order(page)
    page.release.trigger()
    await asyncio.sleep(0.2)


async def _show_where_to_send(page: Any) -> None:
    from gatepost.desktop.pages.inbox.empty import Place

    page._places, page._captures, page._shown = [Place("127.0.0.1", 2525)], True, page._query
    page.model.clear()
    page._show_selection()


async def _capture_and_disturb(page: Any) -> None:
    client = page.context.session.client
    await client.patch("listeners", DEVELOPERS, {"handling": {"action": "capture"}})
    await client.patch("gateways", "gw-second", {"handling": {"action": "redirect", "address": "developers@example.org"}})
    fault = {"id": "fault-1", "stage": "rcpt", "fault": {"action": "refuse", "code": 451, "text": "Come back later"}}
    await client.add("faults", fault | {"listener": DEVELOPERS})
    await asyncio.sleep(0.4)


async def _deliver_again(page: Any) -> None:
    client = page.context.session.client
    await client.patch("listeners", DEVELOPERS, {"handling": {"action": "deliver"}})
    await client.patch("gateways", "gw-second", {"handling": {"action": "deliver"}})
    await client.remove("faults", "fault-1")
    for _ in range(40):  # the window hears of it a moment later; what comes next shall not be marked
        if not page.window().findChild(DeliveryMark).isVisible():
            return
        await asyncio.sleep(0.05)


INBOX = (
    Scene("inbox-html", "inbox", act=_open_order),
    Scene("inbox-attachments", "inbox", act=_open_attachments),
    Scene("inbox-parts", "inbox", act=_open_parts),
    Scene("inbox-plain", "inbox", act=_open_plain),
    Scene("inbox-release", "inbox", act=_ask_to_release),
    Scene("inbox-nothing-found", "inbox", {"text": "no such message"}),
    Scene("inbox-empty", "inbox", act=_show_where_to_send),
    Scene("inbox-loud", "inbox", act=_capture_and_disturb, undo=_deliver_again),
    Scene("overview-loud", "overview", act=_capture_and_disturb, undo=_deliver_again),
    Scene("gateways-loud", "gateways", act=_capture_and_disturb, undo=_deliver_again),
)


async def _show_a_busy_day(page: Any) -> None:
    """Two days of figures, with the hours of an office and a trouble at noon."""
    import math
    import time

    from gatepost.desktop.pages.overview.trends import Sums

    now = time.time()
    current = int(now // 60) // 15 * 15
    steps = {}
    for number in range(192):
        minute = current - 15 * (191 - number)
        busy = max(0.0, math.sin((minute % 1440 - 360) / 720 * math.pi))
        delivered = round(60 + 700 * busy + 120 * math.sin(number * 1.7) * busy)
        trouble = round(8 + 30 * busy + (90 if 700 <= minute % 1440 < 780 else 0))
        steps[minute] = {"delivered": delivered, "deferred": trouble, "refused": number % 3}
    sums = Sums(15, steps)
    page._days = page._charted = sums
    page.throughput.show_sums(sums, now)
    page._show_figures()


async def _open_about(page: Any) -> None:
    from gatepost.desktop.about import open_about

    open_about(page.context, page.window())


async def _open_shortcuts(page: Any) -> None:
    from gatepost.desktop.about import open_shortcuts

    open_shortcuts(PAGES, page.window())


async def _open_help(page: Any) -> None:
    page.window().help.toggle()


WINDOW = (
    Scene("overview-busy", "overview", act=_show_a_busy_day, is_tall=True),
    Scene("about", "overview", act=_open_about),
    Scene("shortcuts", "overview", act=_open_shortcuts),
    Scene("help", "gateways", act=_open_help, undo=_open_help),
)


async def _choose_microsoft(page: Any) -> None:
    page.purpose.chosen.emit("send")
    page.provider.provider.set_value("microsoft")
    page.provider.provider.chosen.emit()
    page.provider._is_complete()


async def _stand_in_front(page: Any) -> None:
    page.purpose.chosen.emit("receive")
    page.primary._is_complete()


async def _send_the_first_message(page: Any) -> None:
    page.provider.saved.emit("gw-main")


async def _begin_with_an_inbox(page: Any) -> None:
    page.purpose.chosen.emit("capture")
    await asyncio.sleep(0.2)


async def _wait_for_the_first_message(page: Any) -> None:
    from gatepost.desktop.pages.inbox.empty import Place

    page._inbox_saved("ls-none", Place("127.0.0.1", 1025))


FIRST_RUN = (
    Scene("first-run-inbox", "first-run", act=_begin_with_an_inbox),
    Scene("first-run-captured", "first-run", act=_wait_for_the_first_message),
    Scene("first-run-provider", "first-run", act=_choose_microsoft, is_tall=True),
    Scene("first-run-primary", "first-run", act=_stand_in_front, is_tall=True),
    Scene("first-run-message", "first-run", act=_send_the_first_message),
)


async def _administer_remotely(page: Any) -> None:
    """Switched on, with tokens: one that was used, one that never was."""
    from ...support.ports import free_port

    client = page.context.session.client
    if not (await client.remote()).listening:
        here = {"enabled": True, "address": "127.0.0.1", "port": free_port(), "allowed": ["192.168.10.0/24", "127.0.0.1"]}
        await client.patch_section("settings", {"remote": here})
        for name in ("Ann’s laptop", "Monitoring"):
            await client.make_token(name)
    for _ in range(100):
        if (await client.remote()).listening:
            break
        await asyncio.sleep(0.05)
    await page.section.load()


async def _show_token(page: Any) -> None:
    from gatepost.desktop.pages.settings.remote import ShownToken

    dialog = ShownToken(page.section, "Ann’s laptop", "gp_" + "Aq7-" * 10 + "xyz")
    dialog.open()


async def _name_token(page: Any) -> None:
    from gatepost.desktop.pages.settings.remote import NewTokenDialog

    NewTokenDialog(page.section).open()


async def _add_relay(page: Any) -> None:
    """As far as the certificate that is to be compared."""
    from gatepost.desktop.add_relay import AddRelayDialog

    await _administer_remotely(page)
    dialog = AddRelayDialog(page.window())
    dialog.open()
    dialog.name_field.setText("Office")
    dialog.host_field.setText("127.0.0.1")
    dialog.port_field.set_value((await page.context.session.client.remote()).port)
    dialog.token_field.setText("gp_0123456789")
    await dialog.go_on()
    dialog.same.setChecked(True)
    await dialog.go_on()


async def _move_relay(page: Any) -> None:
    """One that is refused, in words, by a command that is not there."""
    from gatepost.desktop.move_dialog import MoveDialog

    dialog = MoveDialog(page.context.session.data_folder, page.window(), command=lambda _folder: ["/nonexistent/gatepost"])
    dialog.open()
    await dialog.move_now()


async def _choose_relay(page: Any) -> None:
    chooser = page.window().sidebar.foot.where
    chooser.key = "Office"
    chooser.fill()
    chooser.show_place("Office with a rather long name in Hamburg", "On another machine: relay.example.com:9326")
    chooser.recolour()


async def _choose_this_computer(page: Any) -> None:
    from gatepost.desktop.relay_chooser import LOCAL

    chooser = page.window().sidebar.foot.where
    chooser.key = LOCAL
    chooser.fill()
    chooser.show_place(tr("This computer"), "")
    chooser.recolour()


PLACES = (
    Scene("settings-remote-on", "settings", {"section": "remote"}, _administer_remotely, is_tall=True),
    Scene("settings-remote-new-token", "settings", {"section": "remote"}, _name_token),
    Scene("settings-remote-token", "settings", {"section": "remote"}, _show_token),
    Scene("relay-add", "settings", {"section": "remote"}, _add_relay),
    Scene("relay-move", "overview", act=_move_relay),
    Scene("relay-elsewhere", "overview", act=_choose_relay, undo=_choose_this_computer),
)


def scenes() -> tuple[Scene, ...]:
    """Those of one page and arguments follow each other, the plain one first: what is done there goes on from it."""
    plain = tuple(Scene(entry.key, entry.key) for entry in PAGES)
    found = (*plain, *GATEWAYS, *DOMAINS, *EXPLAIN, *LISTS, *INBOX, *FIRST_RUN, *_settings(), *PLACES, *WINDOW)
    first = {place: number for number, place in reversed(list(enumerate(map(_place, found))))}
    return tuple(sorted(found, key=lambda scene: (first[_place(scene)], scene.act is not None)))


def _place(scene: Scene) -> tuple[str, str]:
    return scene.page, repr(sorted(scene.arguments.items()))
