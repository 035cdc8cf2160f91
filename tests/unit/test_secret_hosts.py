"""What is stored for one server is not sent to another that a draft names."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.model.configuration import parse_configuration
from gatepost.model.errors import Conflict, InvalidInput
from gatepost.model.gateway import Gateway
from gatepost.relay.secret_hosts import refuse_another_host, refuse_another_smartermail

AUTH = {"enabled": True, "username": "me@example.com"}
OAUTH = AUTH | {
    "method": "oauth",
    "oauth": {"provider": "microsoft365", "flow": "delegated", "client_id": "an-id", "tenant": "example.com"},
}


def gateway(host: str = "smtp.example.com", **fields: Any) -> Gateway:
    one = {"mode": "round-robin", "id": "gw-1", "host": host, "port": 587, "auth": AUTH, **fields}
    return parse_configuration({"gateways": [one]}).gateways[0]


@pytest.mark.parametrize(
    "draft",
    [
        gateway(),
        gateway("SMTP.example.com"),
        gateway(port=465, encryption="tls"),
        gateway("smtp.evil.example", auth={"enabled": False}),
    ],
)
def test_the_same_host_and_a_draft_that_does_not_sign_in_are_no_reason(draft: Gateway) -> None:
    refuse_another_host(gateway(), draft)
    refuse_another_host(None, draft)


def test_a_password_is_to_be_typed_again_for_another_host_and_a_sign_in_saved_first() -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_another_host(gateway(), gateway("smtp.example.com.evil.example"))
    (issue,) = refused.value.issues
    assert (issue.field, issue.code) == ("auth.password", "host-changed")
    assert issue.message == "type the password again: the stored one is for smtp.example.com"
    with pytest.raises(Conflict, match=r"sign-in is for smtp\.example\.com\."):
        refuse_another_host(gateway(auth=OAUTH), gateway("smtp.evil.example", auth=OAUTH))


def card(url: str) -> Gateway:
    return gateway(smartermail={"enabled": True, "url": url, "username": "admin"})


def test_the_smartermail_password_stays_with_its_server_too() -> None:
    saved = card("https://mail.example.com/webmail")
    for other in ("https://mail.example.com:9998", "https://MAIL.example.com"):
        refuse_another_smartermail(saved, card(other))
    refuse_another_smartermail(None, saved)
    with pytest.raises(InvalidInput) as refused:
        refuse_another_smartermail(saved, card("https://mail.example.com.evil.example"))
    assert [issue.field for issue in refused.value.issues] == ["smartermail.password"]
