"""The SmarterMail client against a stand-in server (there is no public one to test with)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gatepost.model.secret import Secret
from gatepost.relay.verification.smartermail.client import SmarterMailClient
from gatepost.relay.verification.smartermail.faults import FaultKind, SmarterMailFault
from gatepost.relay.verification.smartermail_source import SmarterMailSource
from gatepost.relay.verification.verdict import RecipientState
from tests.support.smartermail_server import SmarterMailStandIn, StandInDomain, hang, html, huge, redirect_to


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def server(time: Time) -> AsyncIterator[SmarterMailStandIn]:
    domains = {
        "example.com": StandInDomain(
            users=["ann", "bob"],
            disabled=["carl"],
            aliases=["sales"],
            lists=["news@example.com"],
            domain_aliases=["example.org"],
        ),
        "catch.example": StandInDomain(users=["one"], catch_all="one@catch.example"),
    }
    async with SmarterMailStandIn(domains, clock=time) as running:
        yield running


def client(server: SmarterMailStandIn, time: Time, password: str = "right", **options: float) -> SmarterMailClient:
    return SmarterMailClient(server.url, "admin", Secret(password), time, **options)  # type: ignore[arg-type]


async def fault_of(connection: SmarterMailClient) -> SmarterMailFault:
    with pytest.raises(SmarterMailFault) as caught:
        await connection.test()
    await connection.close()
    return caught.value


@pytest.mark.parametrize("interface", ["REST", "SOAP"])
async def test_finds_out_which_interface_the_server_speaks(server: SmarterMailStandIn, time: Time, interface: str) -> None:
    server.rest = interface == "REST"
    connection = client(server, time)
    report = await connection.test()
    assert (report.interface, report.domains) == (interface, ("example.com", "catch.example"))
    assert report.users == 3
    assert connection.interface == interface
    await connection.close()


@pytest.mark.parametrize(
    ("local", "known"),
    [
        ("ann", True), ("ANN", True), ("ann+news", True), ("sales", True), ("news", True),
        ("carl", False), ("carl+x", False), ("nobody", False),
    ],
)  # fmt: skip
async def test_users_aliases_and_lists_are_valid_and_disabled_users_are_not(
    server: SmarterMailStandIn, time: Time, local: str, known: bool
) -> None:
    connection = client(server, time)
    assert (await connection.directory("example.com")).knows(local) is known
    await connection.close()


async def test_a_catch_all_makes_every_address_valid(server: SmarterMailStandIn, time: Time) -> None:
    connection = client(server, time)
    assert (await connection.directory("catch.example")).knows("anybody")
    await connection.close()


async def test_a_domain_alias_leads_to_its_domain(server: SmarterMailStandIn, time: Time) -> None:
    connection = client(server, time)
    assert await connection.find_domain("example.org") == "example.com"
    assert await connection.find_domain("example.net") is None
    await connection.close()


@pytest.mark.parametrize("interface", ["REST", "SOAP"])
async def test_internationalised_domains_are_known_however_the_server_writes_them(
    server: SmarterMailStandIn, time: Time, interface: str
) -> None:
    server.rest = interface == "REST"
    server.domains = {
        "bücher.example": StandInDomain(users=["ann"], domain_aliases=["Häuser.example"]),
        "xn--mller-kva.example": StandInDomain(users=["bob"]),
        "not a domain": StandInDomain(),
    }
    connection = client(server, time)
    source = SmarterMailSource(connection)
    for address, state in (
        ("ann@xn--bcher-kva.example", RecipientState.VALID), ("ann@xn--huser-gra.example", RecipientState.VALID),
        ("bob@xn--mller-kva.example", RecipientState.VALID), ("eve@xn--bcher-kva.example", RecipientState.INVALID),
    ):  # fmt: skip
        assert (await source.verdict(address)).state is state, address
    assert {"xn--bcher-kva.example", "xn--huser-gra.example", "xn--mller-kva.example"} <= connection.known_names()
    report = await connection.test()
    assert report.users == 2
    await connection.close()


async def test_older_servers_list_user_names_only(server: SmarterMailStandIn, time: Time) -> None:
    server.older_user_list = True
    connection = client(server, time)
    assert (await connection.directory("example.com")).knows("bob")
    await connection.close()


async def test_many_accounts_come_in_pages(server: SmarterMailStandIn, time: Time) -> None:
    server.domains["example.com"].users = [f"user{number:04}" for number in range(2500)]
    connection = client(server, time)
    directory = await connection.directory("example.com")
    assert len(directory.users) == 2500
    assert sum("account-list-search" in call for call in server.calls) == 3
    await connection.close()


async def test_spool_counts_by_kind_over_rest_and_as_a_sum_over_soap(server: SmarterMailStandIn, time: Time) -> None:
    connection = client(server, time)
    counts = await connection.spool_counts()
    assert (counts.total, dict(counts.by_kind)["waiting"]) == (8, 4)
    await connection.close()
    server.rest = False
    connection = client(server, time)
    assert (await connection.spool_counts()).total == 17
    await connection.close()


async def test_answers_are_kept_for_ten_minutes_and_what_is_used_is_renewed_before_they_end(
    server: SmarterMailStandIn, time: Time
) -> None:
    connection = client(server, time)
    await connection.directory("example.com")
    server.domains["example.com"].users.append("dora")
    time.now += 479
    await connection.keep_warm()
    assert not (await connection.directory("example.com")).knows("dora")
    time.now += 2
    await connection.keep_warm()
    asked = len(server.calls)
    time.now += 300  # beyond the ten minutes of the first answer
    assert (await connection.directory("example.com")).knows("dora")
    assert len(server.calls) == asked, "it was renewed before anybody had to wait"
    await connection.close()


async def test_what_nobody_asks_for_any_more_is_not_fetched_for_ever(server: SmarterMailStandIn, time: Time) -> None:
    connection = client(server, time)
    await connection.directory("example.com")
    for _ in range(30):
        time.now += 60
        await connection.keep_warm()
    asked = len(server.calls)
    for _ in range(30):
        time.now += 60
        await connection.keep_warm()
    assert len(server.calls) == asked
    await connection.close()


async def test_one_domain_that_cannot_be_read_does_not_hide_the_aliases_of_the_others(
    server: SmarterMailStandIn, time: Time
) -> None:
    server.domains = {"broken.example": StandInDomain(), **server.domains}
    server.unreadable = {"broken.example"}
    connection = client(server, time)
    assert await connection.find_domain("example.org") == "example.com"
    with pytest.raises(SmarterMailFault):
        await connection.find_domain("example.net")  # it may be an alias of the one that cannot be read
    await connection.close()


async def test_a_domain_that_was_removed_is_forgotten_and_the_others_are_renewed(
    server: SmarterMailStandIn, time: Time
) -> None:
    server.domains = {"gone.example": StandInDomain(users=["zoe"], domain_aliases=["alias.example"]), **server.domains}
    connection = client(server, time)
    for domain in server.domains:
        await connection.directory(domain)
    await connection.domains()
    del server.domains["gone.example"]
    time.now += 500
    await connection.keep_warm()
    assert connection.known_names() == {"example.com", "example.org", "catch.example"}
    asked = len(server.calls)
    await connection.directory("example.com")
    assert len(server.calls) == asked, "it was renewed although another one was refused"
    await connection.close()


async def test_a_domain_that_cannot_be_read_any_more_is_said_after_the_others_were_renewed(
    server: SmarterMailStandIn, time: Time
) -> None:
    connection = client(server, time)
    for domain in ("example.com", "catch.example"):
        await connection.directory(domain)
    await connection.domains()
    server.unreadable = {"example.com"}
    server.domains["catch.example"].domain_aliases.append("new.example")
    time.now += 500
    with pytest.raises(SmarterMailFault):
        await connection.keep_warm()
    assert "new.example" in connection.known_names()
    assert "example.org" in connection.known_names(), "what was told before holds until its time is over"
    time.now += 101
    with pytest.raises(SmarterMailFault):
        await connection.keep_warm()
    assert "example.org" not in connection.known_names()
    await connection.close()


@pytest.mark.parametrize(
    ("interface", "field"),
    [
        ("REST", "data"), ("REST", "usernames"), ("REST", "results"), ("REST", "items"), ("REST", "domainAliasData"),
        ("REST", "domainSettings"), ("SOAP", "DomainNames"), ("SOAP", "Users"),
    ],
)  # fmt: skip
async def test_an_answer_without_its_list_says_nothing_of_whoever_would_be_on_it(
    server: SmarterMailStandIn, time: Time, interface: str, field: str
) -> None:
    """An empty list would have every recipient refused for good."""
    server.rest = interface == "REST"
    server.renamed, server.older_user_list = field, field == "usernames"
    connection = client(server, time)
    source = SmarterMailSource(connection)
    for address in ("ann@example.com", "news@example.com", "ann@example.org", "ann@nowhere.example"):
        assert (await source.verdict(address)).state is RecipientState.UNKNOWN
    fault = await fault_of(connection)
    assert fault.kind is FaultKind.REFUSED
    assert field in fault.detail


async def test_a_server_that_was_upgraded_to_the_other_interface_is_found_out(server: SmarterMailStandIn, time: Time) -> None:
    server.rest = False
    connection = client(server, time)
    assert await connection.domains() == ("example.com", "catch.example")
    assert connection.interface == "SOAP"
    server.rest, server.soap = True, False
    time.now += 601
    with pytest.raises(SmarterMailFault):
        await connection.domains()
    assert await connection.domains() == ("example.com", "catch.example")
    assert connection.interface == "REST"
    await connection.close()


async def test_an_access_token_is_refreshed_ahead_of_its_expiry(server: SmarterMailStandIn, time: Time) -> None:
    connection = client(server, time)
    await connection.spool_counts()
    time.now += server.token_seconds - 60
    await connection.spool_counts()
    assert (server.logins, server.refreshes) == (1, 1)
    await connection.close()


async def test_a_token_that_died_early_costs_one_new_login(server: SmarterMailStandIn, time: Time) -> None:
    connection = client(server, time)
    await connection.spool_counts()
    server.tokens.clear()
    await connection.spool_counts()
    assert server.logins == 2
    await connection.close()


async def test_after_a_rejected_login_the_server_is_left_alone(server: SmarterMailStandIn, time: Time) -> None:
    connection = client(server, time, password="wrong")
    for _ in range(3):
        with pytest.raises(SmarterMailFault) as caught:
            await connection.domains()
        assert caught.value.kind is FaultKind.CREDENTIALS
    assert server.logins == 1
    assert len(server.calls) == 1
    assert "wrong" not in str(caught.value)
    await connection.close()


async def test_a_rejected_soap_login_stops_as_well(server: SmarterMailStandIn, time: Time) -> None:
    server.rest = False
    connection = client(server, time, password="wrong")
    assert (await fault_of(connection)).kind is FaultKind.CREDENTIALS
    calls = len(server.calls)
    with pytest.raises(SmarterMailFault):
        await connection.domains()
    assert len(server.calls) == calls


async def test_two_factor_is_no_login(server: SmarterMailStandIn, time: Time) -> None:
    server.two_factor = True
    fault = await fault_of(client(server, time))
    assert fault.kind is FaultKind.TWO_FACTOR
    assert "second factor" in fault.title


async def test_a_login_that_is_no_administrators_is_named(server: SmarterMailStandIn, time: Time) -> None:
    server.is_admin = False
    assert "not a system administrator" in (await fault_of(client(server, time))).title


async def test_success_false_with_http_200_is_a_failure_with_its_message(server: SmarterMailStandIn, time: Time) -> None:
    connection = client(server, time)
    with pytest.raises(SmarterMailFault) as caught:
        await connection.directory("unknown.example")
    assert caught.value.kind is FaultKind.REFUSED
    assert "DOMAIN_NOT_FOUND" in caught.value.detail
    await connection.close()


async def test_a_redirect_to_another_host_is_not_followed(server: SmarterMailStandIn, time: Time) -> None:
    async with SmarterMailStandIn({}) as elsewhere:
        server.fault = redirect_to(elsewhere.url + "/api/v1/auth/authenticate-user")
        fault = await fault_of(client(server, time))
        assert fault.kind is FaultKind.REDIRECTED
        assert elsewhere.calls == []


async def test_a_redirect_in_a_circle_ends(server: SmarterMailStandIn, time: Time) -> None:
    server.fault = redirect_to("/again")
    assert (await fault_of(client(server, time))).kind is FaultKind.REDIRECTED
    assert len(server.calls) <= 4


async def test_html_is_not_smartermail(server: SmarterMailStandIn, time: Time) -> None:
    server.fault = html
    fault = await fault_of(client(server, time))
    assert fault.kind is FaultKind.NOT_SMARTERMAIL
    assert "HTML page" in fault.detail


async def test_a_hanging_server_runs_into_the_deadline(server: SmarterMailStandIn, time: Time) -> None:
    server.fault = hang
    assert (await fault_of(client(server, time, timeout=0.3))).kind is FaultKind.TIMED_OUT


async def test_fifty_megabytes_are_not_read(server: SmarterMailStandIn, time: Time) -> None:
    server.fault = huge
    assert (await fault_of(client(server, time))).kind is FaultKind.TOO_LARGE


async def test_nobody_listening_is_said_plainly(time: Time) -> None:
    connection = SmarterMailClient("http://127.0.0.1:1", "admin", Secret("x"), time)
    assert (await fault_of(connection)).kind is FaultKind.UNREACHABLE
