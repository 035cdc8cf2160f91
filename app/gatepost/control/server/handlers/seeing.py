"""Tracking, Explain route, test messages, remembered recipients."""

from __future__ import annotations

import ipaddress
from typing import Any

from pydantic import Field

from ....model.errors import InvalidInput, Issue
from ....model.fields import Line, Model
from ....model.report import Explanation, TestMessage
from ....store.journal_values import TrackQuery, TrackState
from ... import schema, tracking_schema
from .. import editing
from ..call import Call

__all__ = ["Explanation", "VerdictQuery", "explain", "forget", "send_test", "timeline", "track", "verdicts"]


class VerdictQuery(Model):
    text: Line = ""
    gateway: Line = ""
    limit: int = Field(default=100, ge=1, le=schema.MAX_PAGE)


async def track(call: Call) -> Any:
    body: tracking_schema.TrackRequest = call.body
    values = body.model_dump(exclude={"state"})
    return await call.facade.track(TrackQuery(**values, state=TrackState(body.state) if body.state else None))


async def timeline(call: Call) -> tracking_schema.Timeline:
    message, entries = await call.facade.timeline(call.message_id())
    return tracking_schema.Timeline(
        message=tracking_schema.TrackedMessage.model_validate(message),
        entries=tuple(tracking_schema.TimelineEntry.model_validate(entry) for entry in entries),
    )


async def explain(call: Call) -> Explanation:
    body: tracking_schema.ExplainRequest = call.body
    if body.client:
        try:
            ipaddress.ip_address(body.client)
        except ValueError:
            raise InvalidInput([Issue("client", f"“{body.client}” is not an IP address")]) from None
    draft = None
    if body.configuration is not None:
        draft = editing.replace_all((await call.facade.configuration())[0], body.configuration)
    return await call.facade.explain(
        sender="" if body.sender == "<>" else body.sender,
        recipient=body.recipient,
        client=body.client,
        user=body.user,
        configuration=draft,
    )


async def send_test(call: Call) -> tracking_schema.TestSent:
    body: tracking_schema.TestRequest = call.body
    message = TestMessage(body.sender, body.recipient, body.gateway or "")
    return tracking_schema.TestSent(queue_id=await call.facade.send_test(message))


async def verdicts(call: Call) -> tuple[tracking_schema.Verdict, ...]:
    query: VerdictQuery = call.query
    return tuple(
        tracking_schema.Verdict(
            gateway_id=known.gateway_id,
            address=known.address,
            state=known.verdict.state.value,
            source=known.verdict.source,
            reason=known.verdict.reason,
            fetched_at=known.fetched_at,
        )
        for known in await call.facade.verdicts(query.text, query.gateway, query.limit)
    )


async def forget(call: Call) -> tracking_schema.Forgotten:
    body: tracking_schema.ForgetRequest = call.body
    return tracking_schema.Forgotten(count=await call.facade.forget_verdicts(body.gateway, body.address))
