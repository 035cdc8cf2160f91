"""The figures of a relay outlive its process."""

from __future__ import annotations

import smtplib
from collections.abc import Callable

from ..support.relay_process import RelayProcess


def test_what_was_counted_before_a_restart_is_in_the_history_and_no_longer_in_the_counters(
    start_relay: Callable[..., RelayProcess],
) -> None:
    relay = start_relay()
    (listener,) = relay.api.get("/v1/status")["relay"]["listeners"]
    with smtplib.SMTP("127.0.0.1", listener["port"]) as smtp:
        for _ in range(3):
            smtp.sendmail("a@example.com", ["b@example.org"], "Subject: x\r\n\r\nx\r\n")

    def accepted() -> int:
        return sum(step["sums"].get("accepted", 0) for step in relay.api.get("/v1/history?minutes=1440&step=60"))

    assert accepted() == 3
    relay.restart()
    assert accepted() == 3
    assert [total for total in relay.api.get("/v1/totals") if total["name"] == "accepted"] == []
