"""Postfix's files as a proposal: what is understood, and what is said about the rest, with file and line."""

from __future__ import annotations

import pytest

from gatepost.importing.kinds import ImportKind, propose
from gatepost.importing.postfix.main_cf import MainCf, seconds
from gatepost.importing.postfix.next_hop import parse_next_hop
from gatepost.importing.proposal import FindingKind, SourceFile
from gatepost.model.errors import InvalidInput

from .support import of_postfix, part, postfix_sample, said, setting


def test_relay_hosts_become_round_robin_gateways_and_the_later_ones_stand_by() -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample())
    first, second = part(proposal, "smtp.provider.example").value, part(proposal, "backup.provider.example").value
    assert (first["mode"], first["host"], first["port"], first["standby"]) == (
        "round-robin",
        "smtp.provider.example",
        587,
        False,
    )
    assert first["encryption"] == "starttls-required"
    assert first["auth"]["username"] == "office@provider.example"
    assert first["source_addresses"] == ["192.0.2.25"]
    assert first["limits"]["connections"] == 8
    assert second["standby"] is True
    assert second["auth"]["enabled"] is False


def test_a_password_is_material_for_the_vault_and_stands_nowhere_else() -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample())
    gateway = part(proposal, "smtp.provider.example").value["id"]
    assert proposal.secrets[f"gateway/{gateway}/password"].reveal() == "p4ss:with:colons"
    assert "p4ss" not in repr(proposal)
    assert "canary-of-news" not in repr(proposal)


def test_transports_and_senders_become_domain_rows() -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample())
    row = part(proposal, "*.partner.example")
    assert (row.value["match"], row.value["route"]["via"]) == ("recipient", "gateway")
    assert row.needs == (part(proposal, "Gateway mx.partner.example").key,)
    assert part(proposal, "Mail to direct.example").value["route"]["via"] == "direct"
    sender = part(proposal, "Mail of news.office.example")
    assert sender.value["match"] == "sender"
    news = next(one for one in proposal.parts if one.key == sender.needs[0]).value
    assert (news["mode"], news["port"], news["auth"]["username"]) == ("specific-domains", 2525, "news")
    assert news["certificate"]["check"] == "system-trust", "by its TLS policy"


def test_domains_of_a_primary_with_an_address_become_a_domain_forward_gateway_with_its_recipients() -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample())
    gateway = part(proposal, "Takes mail for behind.example").value
    assert gateway["addresses"] == ["10.0.0.5"]
    assert gateway["verification"]["addresses"] == ["ann@behind.example", "bob@behind.example"]
    assert said(proposal, FindingKind.DECIDE, "other.example is relayed to its mail hosts").place.file.endswith("main.cf")


def test_networks_limits_and_times_are_taken_over() -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample())
    networks = [one.value["network"] for one in proposal.parts if one.key.startswith("network:")]
    assert networks == ["127.0.0.0/8", "::1/128", "192.168.10.0/24"]
    said(proposal, FindingKind.LEFT_OUT, "!192.168.10.66")
    assert setting(proposal, "server.host_name") == "gw.office.example"
    assert setting(proposal, "spool.max_message_bytes") == 31_457_280
    assert setting(proposal, "spool.lifetime_hours") == 72
    assert setting(proposal, "spool.delay_notice_hours") == 2
    assert setting(proposal, "spool.schedule_minutes") == [10, 20, 40, 80]


def test_listeners_come_from_master_cf_with_their_options() -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample())
    listeners = {one.value["port"]: one.value for one in proposal.parts if one.key.startswith("listener:") and one.chosen}
    assert sorted(listeners) == [25, 465, 587]
    assert (listeners[25]["mode"], listeners[25]["tls"]) == ("mx", "starttls")
    assert (listeners[587]["mode"], listeners[587]["tls"]) == ("submission", "starttls-required")
    assert listeners[465]["tls"] == "tls"
    assert listeners[25]["certificate_file"] == "/etc/ssl/gw.pem"
    assert listeners[25]["limits"]["recipients"] == 500
    said(proposal, FindingKind.LEFT_OUT, "10025")


@pytest.mark.parametrize(
    ("words", "line"),
    [("someone@else.example", 4), ("gone.example", 5), ("boss@office.example", 2), ("smtpd_milters", 38),
     ("smtpd_recipient_restrictions", 37)],
)  # fmt: skip
def test_what_is_left_out_is_said_with_its_line(words: str, line: int) -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample())
    finding = said(proposal, FindingKind.LEFT_OUT, words)
    assert finding.place.line == line


def test_every_parameter_is_spoken_of() -> None:
    main = SourceFile("main.cf", "myhostname = a.example\nsurprising_setting = 1\n")
    proposal = propose(ImportKind.POSTFIX, [main])
    assert said(proposal, FindingKind.LEFT_OUT, "surprising_setting").place.line == 2


def test_a_table_that_was_not_given_is_asked_for() -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample("sasl_passwd", "master.cf"))
    assert proposal.wanted == ("/etc/postfix/sasl_passwd", "/etc/postfix/master.cf")
    assert not part(proposal, "smtp.provider.example").value["auth"]["enabled"]


def test_reading_the_same_files_again_gives_the_same_keys() -> None:
    first, second = (propose(ImportKind.POSTFIX, postfix_sample()) for _ in range(2))
    assert [one.key for one in first.parts] == [one.key for one in second.parts]


def test_no_relay_host_means_direct_delivery() -> None:
    assert setting(of_postfix("myhostname = a.example\nrelayhost =\n"), "delivery.default_route") == {"via": "direct"}


def test_a_relay_host_without_brackets_is_taken_with_a_word_about_its_mx_records() -> None:
    proposal = of_postfix("relayhost = provider.example\n")
    assert part(proposal, "provider.example").value["port"] == 25
    said(proposal, FindingKind.DECIDE, "MX")


@pytest.mark.parametrize("level", ["", "none", "may"])
def test_a_password_is_never_sent_in_the_clear_where_postfix_might_have(level: str) -> None:
    main = f"relayhost = [a.example]\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = texthash:/p\n" \
           f"smtp_tls_security_level = {level}\n"  # fmt: skip
    proposal = of_postfix(main, p="[a.example] me:secret")
    assert part(proposal, "a.example").value["encryption"] == "starttls-required"
    assert not part(proposal, "a.example").value["auth"]["allow_cleartext"]
    said(proposal, FindingKind.DECIDE, "in the clear")


@pytest.mark.parametrize(
    ("settings", "encryption", "check"),
    [
        ("smtp_tls_security_level = may", "starttls-when-offered", "none"),
        ("smtp_tls_security_level = secure", "starttls-required", "system-trust"),
        ("smtp_tls_security_level = encrypt\nsmtp_tls_wrappermode = yes", "tls", "none"),
        ("smtp_use_tls = yes", "starttls-when-offered", "none"),
        ("smtp_enforce_tls = yes", "starttls-required", "system-trust"),
        (f"smtp_tls_security_level = fingerprint\nsmtp_tls_fingerprint_cert_match = {'ab:' * 31}ab", "starttls-required",
         "fingerprint"),
        ("smtp_tls_security_level = strange", "starttls-required", "system-trust"),
        ("", "none", "none"),
    ],
)  # fmt: skip
def test_tls_levels(settings: str, encryption: str, check: str) -> None:
    gateway = part(of_postfix(f"relayhost = [a.example]\n{settings}\n"), "a.example").value
    assert (gateway["encryption"], gateway["certificate"]["check"]) == (encryption, check)


def test_networks_that_cover_the_world_are_not_taken_over() -> None:
    proposal = of_postfix("mynetworks = 0.0.0.0/0\n")
    assert not [one for one in proposal.parts if one.key.startswith("network:")]
    said(proposal, FindingKind.DECIDE, "everyone")


def test_a_network_that_is_named_twice_is_taken_once_as_it_was_first_written() -> None:
    proposal = of_postfix("mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n")
    networks = [one.value["network"] for one in proposal.parts if one.key.startswith("network:")]
    assert networks == ["127.0.0.0/8", "::1/128"], "as Debian writes them"


def test_networks_in_files_and_cidr_tables_are_read() -> None:
    proposal = of_postfix(
        "mynetworks = /etc/postfix/nets, cidr:/etc/postfix/more\n", nets="10.1.0.0/16\n# x\n10.2.0.0/16",
        more="10.3.0.0/16 permit\n10.4.0.0/16 reject\n",
    )  # fmt: skip
    networks = [one.value["network"] for one in proposal.parts if one.key.startswith("network:")]
    assert networks == ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]
    said(proposal, FindingKind.LEFT_OUT, "10.4.0.0/16")


def test_a_default_transport_becomes_the_default_route_and_needs_its_gateway() -> None:
    proposal = of_postfix("transport_maps = inline:{*=smtp:[a.example]:26}\nrelayhost = [b.example]\n")
    default = next(one for one in proposal.parts if one.key == "setting:delivery.default_route")
    assert default.value["via"] == "gateway"
    assert default.needs == (f"gateway:{default.value['gateway']}",)


def test_hostile_files_end_soon_and_in_words() -> None:
    bomb = "\n".join(f"a{n} = $a{n + 1}$a{n + 1}" for n in range(60)) + "\nmyhostname = $a0\na60 = $a0\n"
    assert of_postfix(bomb).parts is not None
    rubbish = of_postfix("relayhost = [[[\nmyhostname = \x07bad\nmynetworks = 1.2.3, 999/8\n=\n")
    assert all(finding.text.isprintable() for finding in rubbish.findings)
    with pytest.raises(InvalidInput):
        propose(ImportKind.POSTFIX, [SourceFile("sasl_passwd", "[a]:25 me:canary")])


def test_expansion_as_postconf_describes_it() -> None:
    main = MainCf(
        SourceFile("main.cf", "a = x\nempty =\nb = $a ${a} $(a) $$a ${a?yes} ${empty?yes} ${empty:no} ${a?{1}:{2}}\n")
    )
    assert main.text("b") == "x x x $a yes  no 1"


@pytest.mark.parametrize(("text", "value"), [("5d", 432_000), ("300", 300), ("2h", 7200), ("1w", 604_800), ("x", None)])
def test_times(text: str, value: int | None) -> None:
    assert seconds(text, "s") == value


@pytest.mark.parametrize(
    ("text", "host", "port", "is_domain"),
    [
        ("[a.example]:587", "a.example", 587, False),
        ("a.example", "a.example", 25, True),
        ("[192.0.2.1]", "192.0.2.1", 25, False),
        ("[IPv6:2001:db8::1]:submissions", "2001:db8::1", 465, False),
        ("[2001:db8::1]:25", "2001:db8::1", 25, False),
    ],
)
def test_destinations(text: str, host: str, port: int, is_domain: bool) -> None:
    hop = parse_next_hop(text)
    assert hop is not None
    assert (hop.host, hop.port, hop.is_domain) == (host, port, is_domain)


@pytest.mark.parametrize("text", ["", "[a", "a:b:c", "[a]:99999", "[a]:nonsense"])
def test_what_is_no_destination(text: str) -> None:
    assert parse_next_hop(text) is None
