"""Cards, lists and settings: defaults, what they refuse, and what only the whole can tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from gatepost.model.access import RelayUser, TrustedNetwork
from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.domain import DomainMatch, DomainRule, RoundRobinRoute
from gatepost.model.errors import InvalidInput
from gatepost.model.gateway import (
    PROPOSED_PORT,
    BackupMxGateway,
    CertificateCheck,
    DomainForwardGateway,
    Encryption,
    RoundRobinGateway,
    SpecificDomainsGateway,
)
from gatepost.model.listener import Listener, ListenerLimits
from gatepost.model.settings import Settings
from gatepost.model.smartermail import SmarterMailCard
from gatepost.model.spam import NoAction, PrefixSubject, Quarantine, SpamCard, SpamLevel, SpamPolicy
from gatepost.model.verification import VerificationCard


def refusal(kind: Any, **values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        kind(**values)
    return " ".join(error["msg"] for error in caught.value.errors())


class TestOutboundGateway:
    def test_defaults_are_the_cards(self) -> None:
        gateway = RoundRobinGateway(host="smtp.example.com")
        assert (gateway.port, gateway.encryption, gateway.enabled, gateway.weight, gateway.standby) == (
            25,
            Encryption.REQUIRED,
            True,
            1,
            False,
        )
        assert gateway.certificate.check is CertificateCheck.SYSTEM_TRUST
        assert (gateway.limits.connections, gateway.limits.messages_per_connection) == (5, 100)
        assert gateway.limits.messages_per_minute is gateway.limits.messages_per_day is None
        assert (gateway.label, gateway.id[:3]) == ("smtp.example.com:25", "gw-")

    def test_proposed_ports(self) -> None:
        assert PROPOSED_PORT[Encryption.NONE] == PROPOSED_PORT[Encryption.OPPORTUNISTIC] == 25
        assert (PROPOSED_PORT[Encryption.REQUIRED], PROPOSED_PORT[Encryption.IMPLICIT]) == (587, 465)
        assert set(PROPOSED_PORT) == set(Encryption)

    def test_a_password_in_the_clear_needs_the_tick(self) -> None:
        auth = {"enabled": True, "username": "me"}
        assert "unencrypted" in refusal(RoundRobinGateway, host="x", encryption="none", auth=auth)
        RoundRobinGateway(host="x", encryption="none", auth=auth | {"allow_cleartext": True})  # type: ignore[arg-type]
        RoundRobinGateway(host="x", encryption="none", auth={"enabled": False})  # type: ignore[arg-type]

    def test_authentication_needs_a_username(self) -> None:
        assert "username" in refusal(RoundRobinGateway, host="x", auth={"enabled": True})

    def test_a_pinned_certificate_needs_its_fingerprint(self) -> None:
        assert "fingerprint" in refusal(RoundRobinGateway, host="x", certificate={"check": "fingerprint"})

    @pytest.mark.parametrize("weight", [0, 101])
    def test_weights_have_bounds(self, weight: int) -> None:
        assert refusal(RoundRobinGateway, host="x", weight=weight)

    def test_secrets_have_names_of_the_gateways_own(self) -> None:
        gateway = RoundRobinGateway(id="gw-1", host="x")
        assert (gateway.password_secret, gateway.smartermail_secret) == ("gateway/gw-1/password", "gateway/gw-1/smartermail")

    def test_assigned_domains_are_settled(self) -> None:
        assert SpecificDomainsGateway(host="x", domains=("Example.ORG", "*.example.net")).domains == (
            "example.org",
            "*.example.net",
        )


class TestInboundGateway:
    def test_single_addresses_and_small_ranges_are_targets_in_order_once(self) -> None:
        gateway = BackupMxGateway(addresses=("192.0.2.9", "192.0.2.8-192.0.2.10", "10.0.0.0/8"))
        assert gateway.targets == ("192.0.2.9", "192.0.2.8", "192.0.2.10")

    def test_at_least_one_target_is_needed(self) -> None:
        assert "256" in refusal(BackupMxGateway, addresses=("10.0.0.0/8",))
        assert refusal(BackupMxGateway, addresses=())
        assert len(BackupMxGateway(addresses=("10.0.0.0/24",)).targets) == 256

    @pytest.mark.parametrize("world", ["0.0.0.0/0", "0.0.0.0/1", "::/0", "::ffff:0:0/96", "1.0.0.0-254.255.255.255"])
    def test_nobody_elses_whole_internet_is_a_primary(self, world: str) -> None:
        assert "internet" in refusal(BackupMxGateway, addresses=("192.0.2.1", world))

    def test_a_forward_needs_domains_or_another_way_to_know_them(self) -> None:
        assert "domain" in refusal(DomainForwardGateway, addresses=("192.0.2.1",))
        assert (
            "smartermail" in refusal(DomainForwardGateway, addresses=("192.0.2.1",), domain_verification="web-service").lower()
        )

    def test_accepting_for_anyone_needs_verification_or_the_tick(self) -> None:
        values: dict[str, Any] = {"addresses": ("192.0.2.1",), "domain_verification": "all-but-specified-domains"}
        assert "anyone" in refusal(DomainForwardGateway, **values)
        DomainForwardGateway(**values, accept_for_anyone=True)
        DomainForwardGateway(**values, verification={"call_forward": True})

    def test_defaults_of_holding(self) -> None:
        holding = BackupMxGateway(addresses=("192.0.2.1",)).holding
        assert (holding.keep_days, holding.probe_seconds, str(holding.accept)) == (5, 60, "always")


class TestSmarterMail:
    def test_enabled_needs_url_and_username(self) -> None:
        assert "URL" in refusal(SmarterMailCard, enabled=True)
        assert "username" in refusal(SmarterMailCard, enabled=True, url="https://mail.example.com")
        SmarterMailCard(enabled=True, url="https://mail.example.com", username="admin")

    def test_http_needs_the_tick(self) -> None:
        values: dict[str, Any] = {"enabled": True, "url": "http://mail.example.com", "username": "admin"}
        assert "unencrypted" in refusal(SmarterMailCard, **values)
        SmarterMailCard(**values, allow_http=True)

    @pytest.mark.parametrize(
        "url",
        ["ftp://x", "mail.example.com", "file:///etc/passwd", "https://", "https://u:p@x", "https://x/?a=b", "https://[::1"],
    )
    def test_other_addresses_are_refused(self, url: str) -> None:
        assert refusal(SmarterMailCard, url=url)

    def test_a_trailing_slash_is_dropped(self) -> None:
        assert SmarterMailCard(url="https://mail.example.com/").url == "https://mail.example.com"


class TestSpam:
    def test_each_level_has_its_action(self) -> None:
        card = SpamCard()
        assert isinstance(card.action_for(SpamLevel.NONE), NoAction)
        assert isinstance(card.action_for(SpamLevel.MEDIUM), PrefixSubject)
        assert card.action_for(SpamLevel.HIGH) == Quarantine(days=30)

    @pytest.mark.parametrize("thresholds", [(10, 10, 30), (10, 30, 20), (40, 20, 30)])
    def test_thresholds_rise(self, thresholds: tuple[float, float, float]) -> None:
        low, medium, high = thresholds
        assert "rise" in refusal(SpamPolicy, low_threshold=low, medium_threshold=medium, high_threshold=high)

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_no_number_is_endless_or_none(self, number: float) -> None:
        assert refusal(SpamPolicy, high_threshold=number)
        assert refusal(SpamPolicy, spf={"fail_weight": number})


class TestAccess:
    def test_a_user_needs_a_name_and_shows_no_verifier(self) -> None:
        assert "username" in refusal(RelayUser, username="")
        assert refusal(RelayUser, username="x" * 256)
        assert refusal(RelayUser, username="bob", verifier="two\r\nlines")
        assert refusal(RelayUser, username="bob", verifier="\ud800")
        with pytest.raises(ValidationError) as caught:
            RelayUser(username="bob", verifier="canary verifier")
        assert "canary" not in str(caught.value)
        assert "canary" not in repr(RelayUser(username="bob", verifier="canary"))

    def test_a_world_network_is_refused_until_it_is_confirmed(self) -> None:
        for text in ("0.0.0.0/0", "0.0.0.0/1", "::/0", "::ffff:0:0/96"):
            with pytest.raises(InvalidInput, match="everyone"):
                parse_configuration({"trusted_networks": [{"network": text}]})
            confirmed = parse_configuration({"trusted_networks": [{"network": text, "confirmed_world": True}]})
            assert confirmed.trusted_networks[0].is_world
        assert not TrustedNetwork(network="10.0.0.0/8").is_world


class TestListener:
    def test_certificate_and_key_come_together(self) -> None:
        assert "both" in refusal(Listener, certificate_file="/x.pem")
        assert "both" in refusal(Listener, key_file="/x.key")

    def test_a_listener_serves_nobody_but_this_machine_at_first(self) -> None:
        assert (Listener().address, str(Listener().mode)) == ("127.0.0.1", "trusted")

    def test_a_hundred_recipients_are_always_taken(self) -> None:
        assert refusal(ListenerLimits, recipients=99)

    def test_two_may_share_a_port_when_it_is_free_to_choose_or_one_is_off(self) -> None:
        parse_configuration({"listeners": [{"port": 0}, {"port": 0}]})
        parse_configuration({"listeners": [{"port": 25}, {"port": 25, "enabled": False}]})
        with pytest.raises(InvalidInput, match="another listener"):
            parse_configuration({"listeners": [{"port": 25}, {"port": 25}]})


class TestWhole:
    def test_the_empty_configuration_is_valid_and_survives_json(self) -> None:
        empty = Configuration()
        assert parse_configuration(json.loads(empty.model_dump_json())) == empty
        assert empty.settings.spool.schedule_minutes == (5, 10, 20, 40, 60)
        assert (empty.settings.spool.lifetime_hours, empty.settings.spool.delay_notice_hours) == (120, 4)

    def test_gateways_are_sorted_into_their_directions(self) -> None:
        found = parse_configuration(
            {
                "gateways": [
                    {"id": "a", "mode": "round-robin", "host": "x"},
                    {"id": "b", "mode": "specific-domains", "host": "x"},
                    {"id": "c", "mode": "backup-mx", "addresses": ["192.0.2.1"]},
                    {"id": "d", "mode": "domain-forward", "addresses": ["192.0.2.1"], "domains": ["example.org"]},
                ]
            }
        )
        assert [g.id for g in found.outbound] == ["a", "b"]
        assert [g.id for g in found.inbound] == ["c", "d"]
        assert [g.id for g in found.round_robin] == ["a"]
        assert found.gateway("c") is found.gateways[2]
        assert found.gateway("z") is None
        assert parse_configuration(json.loads(found.model_dump_json())) == found

    def test_a_route_leads_to_an_outbound_gateway(self) -> None:
        inbound = {"id": "c", "mode": "backup-mx", "addresses": ["192.0.2.1"]}
        for gateway in ("c", "nowhere"):
            rule = {"domain": "example.org", "route": {"via": "gateway", "gateway": gateway}}
            with pytest.raises(InvalidInput, match="no outbound gateway"):
                parse_configuration({"gateways": [inbound], "domains": [rule]})

    def test_one_domain_may_have_a_row_for_each_side(self) -> None:
        rows = [{"domain": "example.org", "match": match} for match in ("sender", "recipient")]
        assert len(parse_configuration({"domains": rows}).domains) == 2
        with pytest.raises(InvalidInput, match="already has a row"):
            parse_configuration({"domains": [rows[0], rows[0]]})

    def test_a_row_goes_by_round_robin_for_senders_unless_told_otherwise(self) -> None:
        rule = DomainRule(domain="example.org")
        assert (rule.match, rule.route) == (DomainMatch.SENDER, RoundRobinRoute())

    def test_nothing_can_be_changed_in_place_and_unknown_names_are_refused(self) -> None:
        with pytest.raises(ValidationError):
            Configuration().gateways = ()  # type: ignore[misc]
        assert refusal(Settings, colour="red")

    def test_an_address_list_that_is_used_has_content(self) -> None:
        assert "empty" in refusal(VerificationCard, use_list=True)
        assert VerificationCard(use_list=True, addresses=("bob@example.org",)).is_on
        assert VerificationCard(call_forward=True).is_on
        assert not VerificationCard().is_on
