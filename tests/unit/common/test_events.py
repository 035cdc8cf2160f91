"""Events reach those who asked for their kind, and cost nothing where nobody did."""

from __future__ import annotations

from gatepost.relay.common.events import Event, EventBus


def test_a_subscriber_hears_the_kinds_it_named_and_one_that_named_none_hears_all() -> None:
    bus = EventBus(lambda: 1.0)
    chosen: list[Event] = []
    everything: list[Event] = []
    bus.subscribe(chosen.append, "message.delivered", "gateway.resting")
    end = bus.subscribe(everything.append)
    for kind in ("message.delivered", "message.accepted", "gateway.resting"):
        bus.publish(kind)
    end()
    bus.publish("message.delivered", id=7)

    assert [event.kind for event in chosen] == ["message.delivered", "gateway.resting", "message.delivered"]
    assert [event.kind for event in everything] == ["message.delivered", "message.accepted", "gateway.resting"]
    assert chosen[-1].data == {"id": 7}


def test_whether_a_kind_is_followed_changes_with_the_subscriptions() -> None:
    bus = EventBus(lambda: 1.0)
    assert not bus.is_followed("message.accepted")
    end = bus.subscribe(lambda event: None)
    assert bus.is_followed("message.accepted")
    end()
    end()
    bus.subscribe(lambda event: None, "message.delivered")
    assert not bus.is_followed("message.accepted")
    assert bus.is_followed("message.delivered")


def test_a_subscriber_that_ends_its_subscription_within_an_event_harms_nobody() -> None:
    bus = EventBus(lambda: 1.0)
    seen: list[str] = []

    def once(event: Event) -> None:
        seen.append("once")
        end()

    end = bus.subscribe(once)
    bus.subscribe(lambda event: seen.append("always"))
    bus.publish("mail.state")
    bus.publish("mail.state")
    assert seen == ["once", "always", "always"]
