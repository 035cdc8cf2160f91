"""What the shop's mail says, tested without a single message leaving the computer. Run: ``pytest`` in this folder."""

from __future__ import annotations

import re

import pytest
import shop

from gatepost.testing import CapturingRelay, Inbox, NoMessage


def test_a_new_customer_gets_a_code(gatepost_inbox: Inbox) -> None:
    shop.welcome("ann@customer.example", "4711", gatepost_inbox.host, gatepost_inbox.port)
    message = gatepost_inbox.wait(to="ann@customer.example", subject="Welcome")
    assert message.recipients == ("ann@customer.example",)
    assert "Your code is 4711." in message.text
    assert re.search(r'id="code">(\d+)<', message.html)
    assert message.header("From") == "Shop <shop@app.example>"


def test_an_invoice_has_its_pdf_and_a_blind_copy(gatepost_inbox: Inbox) -> None:
    shop.invoice("bob@customer.example", 7, b"%PDF-1.7", gatepost_inbox.host, gatepost_inbox.port, copy_to="books@app.example")
    message = gatepost_inbox.wait(subject="Invoice 7")
    assert set(message.recipients) == {"bob@customer.example", "books@app.example"}
    assert message.header("Bcc") == ""
    (pdf,) = message.attachments
    assert (pdf.filename, pdf.read()) == ("invoice-7.pdf", b"%PDF-1.7")
    assert message.email.get_content_type() == "multipart/mixed"


def test_each_test_begins_with_an_empty_inbox(gatepost_inbox: Inbox) -> None:
    assert gatepost_inbox.messages() == []
    gatepost_inbox.expect_none(within=0.1)
    with pytest.raises(NoMessage, match="the inbox is empty"):
        gatepost_inbox.wait(subject="Welcome", timeout=0.1)


def test_two_messages_are_waited_for_one_after_the_other(gatepost_inbox: Inbox) -> None:
    for code in ("1", "2"):
        shop.welcome("ann@customer.example", code, gatepost_inbox.host, gatepost_inbox.port)
    found = [gatepost_inbox.wait(to="ann@customer.example").text for _ in range(2)]
    assert [re.findall(r"\d", text)[0] for text in found] == ["1", "2"]
    assert [message.subject for message in gatepost_inbox.messages(sender="shop@app.example")] == ["Welcome to the shop"] * 2


def test_the_shop_survives_a_busy_server(gatepost_relay: CapturingRelay, gatepost_inbox: Inbox) -> None:
    """Faults are injected by the same API: here the first recipient is refused for now."""
    fault = {"stage": "rcpt", "first": 1, "fault": {"action": "refuse", "code": 450, "text": "4.2.1 Mailbox busy"}}
    made = gatepost_relay.api.post("/v1/faults", fault)["object"]["id"]
    try:
        with pytest.raises(Exception, match="Mailbox busy"):
            shop.welcome("ann@customer.example", "1", gatepost_inbox.host, gatepost_inbox.port)
        shop.welcome("ann@customer.example", "2", gatepost_inbox.host, gatepost_inbox.port)
    finally:
        gatepost_relay.api.delete(f"/v1/faults/{made}")
    assert "2" in gatepost_inbox.wait(to="ann@customer.example").text
