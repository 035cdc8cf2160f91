"""Chosen parts in a configuration: all or none, and what stands for the same is replaced, not doubled."""

from __future__ import annotations

import pytest

from gatepost.importing.applying import chosen_parts, with_parts
from gatepost.importing.kinds import ImportKind, propose
from gatepost.model.access import TrustedNetwork
from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.domain import DomainMatch, DomainRule
from gatepost.model.errors import InvalidInput
from gatepost.model.listener import Listener

from .support import postfix_sample, sample

EMPTY = Configuration()


@pytest.mark.parametrize("kind", [ImportKind.POSTFIX, ImportKind.HMAILSERVER, ImportKind.IIS])
def test_what_is_proposed_makes_a_valid_configuration(kind: ImportKind) -> None:
    files = {
        ImportKind.POSTFIX: postfix_sample(), ImportKind.HMAILSERVER: sample("hMailServerBackup.xml"),
        ImportKind.IIS: sample("MetaBase.xml"),
    }[kind]  # fmt: skip
    proposal = propose(kind, files)
    taken = with_parts(EMPTY, chosen_parts(proposal, None))
    assert taken.round_robin
    assert taken.listeners
    assert taken.settings.server.host_name


def test_importing_twice_changes_nothing_more() -> None:
    parts = chosen_parts(propose(ImportKind.POSTFIX, postfix_sample()), None)
    once = with_parts(EMPTY, parts)
    assert with_parts(once, parts) == once


def test_what_stands_for_the_same_is_replaced_and_a_trusted_network_stays() -> None:
    current = Configuration(
        domains=(DomainRule(id="mine", domain="*.partner.example", match=DomainMatch.RECIPIENT),),
        listeners=(Listener(id="mine", address="0.0.0.0", port=25),),
        trusted_networks=(TrustedNetwork(id="mine", network="192.168.10.0/24", description="kept"),),
    )
    changed = with_parts(current, chosen_parts(propose(ImportKind.POSTFIX, postfix_sample()), None))
    [row] = [one for one in changed.domains if one.domain == "*.partner.example"]
    assert (row.id, row.route.via) == ("mine", "gateway")
    [listener] = [one for one in changed.listeners if (one.address, one.port) == ("0.0.0.0", 25)]
    assert (listener.id, listener.mode.value) == ("mine", "mx")
    assert [one.description for one in changed.trusted_networks if one.network == "192.168.10.0/24"] == ["kept"]


def test_what_is_captured_is_captured_after_an_import_too() -> None:
    parts = chosen_parts(propose(ImportKind.POSTFIX, postfix_sample()), None)
    once = with_parts(Configuration(), parts)
    data = once.model_dump(mode="json")
    for item in (*data["gateways"], *data["listeners"]):
        if "handling" in item:
            item["handling"] = {"action": "capture"}
    captured = parse_configuration(data)
    assert captured.outbound
    assert with_parts(captured, parts) == captured


def test_a_row_without_its_gateway_is_refused_in_words() -> None:
    proposal = propose(ImportKind.POSTFIX, postfix_sample())
    row = next(one for one in proposal.parts if one.needs)
    with pytest.raises(InvalidInput, match="which is not chosen"):
        chosen_parts(proposal, [row.key])
    with pytest.raises(InvalidInput, match="no part"):
        chosen_parts(proposal, ["gateway:none"])
