"""hMailServer, IIS and SmarterMail as proposals."""

from __future__ import annotations

import json

import pytest

from gatepost.importing.iis import relay_addresses
from gatepost.importing.kinds import ImportKind, propose
from gatepost.importing.proposal import FindingKind, SourceFile
from gatepost.model.errors import InvalidInput

from .support import part, said, sample, setting


def test_hmailservers_relayer_routes_ports_and_ranges() -> None:
    proposal = propose(ImportKind.HMAILSERVER, sample("hMailServerBackup.xml"))
    relayer = part(proposal, "smtp.provider.example").value
    assert (relayer["mode"], relayer["port"], relayer["encryption"]) == ("round-robin", 587, "starttls-required")
    assert relayer["certificate"]["check"] == "system-trust"
    assert relayer["auth"]["username"] == "office@provider.example"
    assert part(proposal, "Mail to partner.example").value["match"] == "recipient"
    assert part(proposal, "Gateway mx.partner.example port 25, STARTTLS when offered").value["description"] == "Partner"
    forward = part(proposal, "Takes mail for behind.example").value
    assert forward["addresses"] == ["10.0.0.5"]
    assert forward["verification"]["addresses"] == ["ann@behind.example", "bob@behind.example"]
    assert [one.value["network"] for one in proposal.parts if one.key.startswith("network:")] == ["127.0.0.1"]
    listeners = {one.value["port"]: one.value for one in proposal.parts if one.key.startswith("listener:")}
    assert {port: (one["mode"], one["tls"]) for port, one in listeners.items()} == {
        25: ("mx", "starttls"), 587: ("submission", "starttls-required"),
    }  # fmt: skip
    assert listeners[25]["key_file"] == r"C:\certificates\office.key"
    assert setting(proposal, "spool.max_message_bytes") == 20_480 * 1024
    assert setting(proposal, "spool.schedule_minutes") == [60]
    assert setting(proposal, "spool.lifetime_hours") == 4


def test_hmailservers_passwords_are_not_decrypted_but_asked_for_anew() -> None:
    proposal = propose(ImportKind.HMAILSERVER, sample("hMailServerBackup.xml"))
    said(proposal, FindingKind.DECIDE, "has to be typed anew")
    assert not proposal.secrets
    assert "9b1c2d3e4f5a6b7c" not in repr(proposal)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FindingKind.LEFT_OUT, "office.example has its mailboxes"),
        (FindingKind.LEFT_OUT, "143"),
        (FindingKind.LEFT_OUT, "Auto-ban"),
        (FindingKind.DECIDE, "“Printers” (192.168.10.0-192.168.10.255) may send from local addresses only"),
    ],
)
def test_hmailservers_rest_is_said_with_its_line(kind: FindingKind, words: str) -> None:
    assert said(propose(ImportKind.HMAILSERVER, sample("hMailServerBackup.xml")), kind, words).place.line > 3


def test_the_smtp_server_of_iis() -> None:
    proposal = propose(ImportKind.IIS, sample("MetaBase.xml"))
    smart = part(proposal, "smtp.provider.example").value
    assert (smart["mode"], smart["port"], smart["encryption"]) == ("round-robin", 587, "starttls-required")
    assert smart["auth"]["username"] == "office@provider.example"
    assert (smart["limits"]["connections"], smart["limits"]["messages_per_connection"]) == (100, 20)
    assert part(proposal, "Mail to partner.example").value["match"] == "recipient"
    assert part(proposal, "Gateway 192.0.2.70").value["encryption"] == "starttls-required"
    assert part(proposal, "Takes mail for behind.example").value["addresses"] == ["10.0.0.5"]
    listeners = [(one.value["address"], one.value["port"]) for one in proposal.parts if one.key.startswith("listener:")]
    assert listeners == [("0.0.0.0", 25), ("192.168.10.2", 2525)]
    networks = [one.value["network"] for one in proposal.parts if one.key.startswith("network:")]
    assert networks == ["127.0.0.1", "192.168.10.20"]
    assert setting(proposal, "server.host_name") == "web01.office.example", "inherited from the service"
    assert setting(proposal, "spool.max_message_bytes") == 10_485_760, "the server's own wins"
    assert setting(proposal, "spool.schedule_minutes") == [15, 30, 60, 240]
    assert setting(proposal, "spool.lifetime_hours") == 48
    said(proposal, FindingKind.LEFT_OUT, "web01.office.example is a local domain")
    said(proposal, FindingKind.DECIDE, "has to be typed anew")


def test_the_pickup_folder_of_iis_is_proposed_but_not_chosen() -> None:
    proposal = propose(ImportKind.IIS, sample("MetaBase.xml"))
    pickup = next(one for one in proposal.parts if one.key == "setting:pickup")
    assert pickup.value["folder"] == r"C:\inetpub\mailroot\Pickup"
    assert pickup.value["rejected_folder"] == r"C:\inetpub\mailroot\Badmail"
    assert not pickup.chosen


@pytest.mark.parametrize("text", ["", "zz", "00", "18000080" + "00" * 90])
def test_a_relay_list_of_another_form_is_not_guessed(text: str) -> None:
    assert relay_addresses(text) is None


def test_smartermails_domains_and_users_become_a_gateway_that_somebody_has_to_complete() -> None:
    domains = {"data": [{"name": "Office.example", "isEnabled": True}, {"name": "old.example", "isEnabled": False}]}
    users = {
        "userData": [
            {"emailAddress": "ann@office.example", "securityFlags": {"isDisabled": False}},
            {"emailAddress": "gone@office.example", "securityFlags": {"isDisabled": True}},
        ]
    }
    files = [SourceFile("domains.json", json.dumps(domains)), SourceFile("users.json", json.dumps(users))]
    proposal = propose(ImportKind.SMARTERMAIL, files)
    [gateway] = proposal.parts
    assert gateway.value["domains"] == ["office.example"]
    assert gateway.value["verification"]["addresses"] == ["ann@office.example"]
    assert not gateway.chosen
    assert not gateway.value["enabled"]
    said(proposal, FindingKind.DECIDE, "address of the SmarterMail server is not in these files")
    said(proposal, FindingKind.LEFT_OUT, "old.example")


def test_smartermails_gateways_are_not_guessed() -> None:
    text = json.dumps({"data": ["office.example"], "gateways": [{"whatever": 1}]})
    proposal = propose(ImportKind.SMARTERMAIL, [SourceFile("a.json", text)])
    said(proposal, FindingKind.DECIDE, "not published")


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Backup><Properties>&b;</Properties></Backup>'


@pytest.mark.parametrize("kind", [ImportKind.HMAILSERVER, ImportKind.IIS, ImportKind.SMARTERMAIL])
@pytest.mark.parametrize("text", ["", "<", "{", "<Backup", "<other/>", "[]", BOMB, "<a>" * 500, "[" * 100_000, "\0"])
def test_files_of_another_kind_are_refused_in_words(kind: ImportKind, text: str) -> None:
    with pytest.raises(InvalidInput):
        propose(kind, [SourceFile("file", text)])


@pytest.mark.parametrize("text", ["<Backup>" + "<a/>" * 1_000_000 + "</Backup>", "<Backup>" + "<a b='' c='' d=''/>" * 200_000])
def test_a_file_that_would_fill_the_memory_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInput, match="too many elements"):
        propose(ImportKind.HMAILSERVER, [SourceFile("file", text)])


@pytest.mark.parametrize("kind", list(ImportKind))
def test_each_kind_says_what_to_give(kind: ImportKind) -> None:
    with pytest.raises(InvalidInput, match=r"[Ff]ile|found|backup"):
        propose(kind, [SourceFile("file", "nothing of the kind")])
