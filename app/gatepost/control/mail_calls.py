"""A front-end's calls about messages: the spool, the quarantine, the test inbox, tracking. ``client`` has the others."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator
from typing import Any

from ..model.report import Explanation, SpoolOperation
from . import capture_schema, schema, spool_schema, tracking_schema
from .connection import Connection, quoted


class MailCalls(Connection):
    # --- spool ---

    async def spool_counts(self) -> schema.SpoolFigures:
        return await self.get("v1/spool/counts", schema.SpoolFigures)

    async def spool_list(self, request: spool_schema.ListRequest) -> tuple[spool_schema.SpoolRow, ...]:
        return await self.post("v1/spool/list", request, tuple[spool_schema.SpoolRow, ...])

    async def spool_count(self, chosen: spool_schema.Filter) -> int:
        return (await self.post("v1/spool/count", spool_schema.CountRequest(filter=chosen), spool_schema.SpoolCount)).count

    async def spool_ids(self, request: spool_schema.IdsRequest) -> array[int]:
        """In the order asked for; 8 octets each, also on the wire."""
        return await self.id_array("v1/spool/ids", request)

    async def spool_message(self, queue_id: str) -> spool_schema.SpoolMessage:
        return await self.get(f"v1/spool/messages/{quoted(queue_id)}", spool_schema.SpoolMessage)

    async def spool_content(self, queue_id: str) -> AsyncIterator[bytes]:
        async with self.request("GET", f"v1/spool/messages/{quoted(queue_id)}/content") as response:
            async for chunk in response.content.iter_any():
                yield chunk

    async def operate(self, request: spool_schema.OperateRequest) -> int:
        return (await self.post("v1/spool/operate", request, spool_schema.Operated)).count

    async def operate_on(self, operation: SpoolOperation, chosen: spool_schema.Filter, **options: Any) -> int:
        return await self.operate(spool_schema.OperateRequest(operation=operation, filter=chosen, **options))

    # --- quarantine ---

    async def quarantine_list(self, request: spool_schema.QuarantineListRequest) -> tuple[spool_schema.QuarantineRow, ...]:
        return await self.post("v1/quarantine/list", request, tuple[spool_schema.QuarantineRow, ...])

    async def quarantine_count(self, chosen: spool_schema.QuarantineFilter) -> int:
        request = spool_schema.QuarantineCountRequest(filter=chosen)
        return (await self.post("v1/quarantine/count", request, spool_schema.SpoolCount)).count

    async def quarantine_ids(self, request: spool_schema.QuarantineIdsRequest) -> array[int]:
        """Message ids in the order of a list."""
        return await self.id_array("v1/quarantine/ids", request)

    async def quarantine_entry(self, queue_id: str) -> spool_schema.QuarantineEntry:
        return await self.get(f"v1/quarantine/{quoted(queue_id)}", spool_schema.QuarantineEntry)

    async def quarantine_content(self, queue_id: str) -> AsyncIterator[bytes]:
        async with self.request("GET", f"v1/quarantine/{quoted(queue_id)}/content") as response:
            async for chunk in response.content.iter_any():
                yield chunk

    async def quarantine_operate(self, request: spool_schema.QuarantineOperateRequest) -> int:
        return (await self.post("v1/quarantine/operate", request, spool_schema.Operated)).count

    # --- the test inbox ---

    async def trays(self) -> tuple[capture_schema.TrayReport, ...]:
        return await self.get("v1/captured/trays", tuple[capture_schema.TrayReport, ...])

    async def captured_list(self, request: capture_schema.CapturedListRequest) -> tuple[capture_schema.CapturedRow, ...]:
        return await self.post("v1/captured/list", request, tuple[capture_schema.CapturedRow, ...])

    async def captured_count(self, chosen: capture_schema.CapturedFilter) -> int:
        request = capture_schema.CapturedCountRequest(filter=chosen)
        return (await self.post("v1/captured/count", request, spool_schema.SpoolCount)).count

    async def captured_ids(self, request: capture_schema.CapturedIdsRequest) -> array[int]:
        return await self.id_array("v1/captured/ids", request)

    async def wait_for_captured(self, **query: str | float) -> capture_schema.CapturedFound:
        """``tray``, ``to``, ``sender``, ``subject``, ``text``…, ``after``, ``timeout`` in seconds."""
        return await self.get("v1/captured/wait", capture_schema.CapturedFound, query)

    async def captured_message(self, identifier: int) -> capture_schema.CapturedMessage:
        return await self.get(f"v1/captured/{identifier}", capture_schema.CapturedMessage)

    async def captured_content(self, identifier: int) -> AsyncIterator[bytes]:
        async with self.request("GET", f"v1/captured/{identifier}/content") as response:
            async for chunk in response.content.iter_any():
                yield chunk

    async def captured_part(self, identifier: int, number: str) -> AsyncIterator[bytes]:
        """One part, decoded."""
        async with self.request("GET", f"v1/captured/{identifier}/parts/{quoted(number)}") as response:
            async for chunk in response.content.iter_any():
                yield chunk

    async def release_captured(
        self, identifier: int, gateway: str | None = None, recipients: tuple[str, ...] | None = None
    ) -> str:
        """Put it into the spool; the queue id of the new mail."""
        request = capture_schema.ReleaseCapturedRequest(gateway=gateway, recipients=recipients)
        path = f"v1/captured/{identifier}/release"
        return (await self.post(path, request, capture_schema.ReleasedCaptured)).queue_id

    async def delete_captured(self, identifier: int) -> None:
        await self.call("DELETE", f"v1/captured/{identifier}")

    async def clear_tray(self, tray: str) -> int:
        return (await self.post("v1/captured/clear", capture_schema.ClearTrayRequest(tray=tray), spool_schema.Operated)).count

    async def captured_operate(self, request: capture_schema.OperateCapturedRequest) -> int:
        return (await self.post("v1/captured/operate", request, spool_schema.Operated)).count

    # --- seeing ---

    async def track(self, request: tracking_schema.TrackRequest) -> tracking_schema.TrackPage:
        return await self.post("v1/tracking/search", request, tracking_schema.TrackPage)

    async def timeline(self, queue_id: str) -> tracking_schema.Timeline:
        return await self.get(f"v1/tracking/{quoted(queue_id)}", tracking_schema.Timeline)

    async def explain(self, request: tracking_schema.ExplainRequest) -> Explanation:
        return await self.post("v1/explain", request, Explanation)

    async def send_test(self, sender: str, recipient: str, gateway: str | None = None) -> str:
        body = {"sender": sender, "recipient": recipient, "gateway": gateway}
        raw, _ = await self.call("POST", "v1/send-test", body)
        return tracking_schema.TestSent.model_validate_json(raw).queue_id

    async def verdicts(self, text: str = "", gateway: str = "", limit: int = 100) -> tuple[tracking_schema.Verdict, ...]:
        query = {"text": text, "gateway": gateway, "limit": limit}
        return await self.get("v1/verdicts", tuple[tracking_schema.Verdict, ...], query)

    async def forget_verdicts(self, gateway: str = "", address: str = "") -> int:
        request = tracking_schema.ForgetRequest(gateway=gateway, address=address)
        return (await self.post("v1/verdicts/forget", request, tracking_schema.Forgotten)).count
