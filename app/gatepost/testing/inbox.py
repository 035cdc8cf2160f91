"""Captured mail as tests ask for it: wait for a message, look at it, clear the inbox."""

from __future__ import annotations

import email.policy
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property
from typing import Any

from .api import Api

_ONE_CALL = 30.0
"""Seconds that one call waits; a longer wait is several."""


class NoMessage(AssertionError):
    """No message came, or one too many. Its text names those that were there."""


@dataclass(frozen=True)
class Attachment:
    filename: str
    content_type: str
    size: int
    number: str
    _api: Api = field(repr=False, compare=False)
    _message: int = field(repr=False, compare=False)

    def read(self) -> bytes:
        """Decoded."""
        return self._api.octets("GET", f"/v1/captured/{self._message}/parts/{self.number}")


class Message:
    """One captured message. What is not in the list of messages is fetched when it is asked for."""

    def __init__(self, api: Api, row: dict[str, Any]) -> None:
        self._api = api
        self._row = row
        self.id: int = row["id"]
        self.tray: str = row["tray"]
        self.sender: str = row["sender"]
        """Of the envelope."""
        self.subject: str = row["subject"]
        self.from_header: str = row["from_header"]
        self.to_header: str = row["to_header"]
        self.size: int = row["size"]

    def __repr__(self) -> str:
        return f"<Message {self.id} “{self.subject}” from {self.sender or '<>'} to {', '.join(self._row['recipients'])}>"

    @cached_property
    def _whole(self) -> dict[str, Any]:
        whole: dict[str, Any] = self._api.get(f"/v1/captured/{self.id}")
        return whole

    @cached_property
    def recipients(self) -> tuple[str, ...]:
        """Of the envelope, blind copies included."""
        if self._row["recipient_count"] == len(self._row["recipients"]):
            return tuple(self._row["recipients"])
        return tuple(one["address"] for one in self._whole["envelope"]["recipients"])

    @property
    def text(self) -> str:
        """The first plain text."""
        return str(self._whole["text"])

    @property
    def html(self) -> str:
        """The first HTML text, as it was sent."""
        return str(self._whole["html"])

    def header(self, name: str) -> str:
        """The first header field of this name, decoded; empty when there is none."""
        found = (one["value"] for one in self._whole["headers"] if one["name"].lower() == name.lower())
        return str(next(found, ""))

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return tuple(
            Attachment(one["filename"], one["content_type"], one["size"], one["number"], self._api, self.id)
            for one in self._whole["attachments"]
        )

    @cached_property
    def source(self) -> bytes:
        """All of it, as it was captured."""
        return self._api.octets("GET", f"/v1/captured/{self.id}/content")

    @cached_property
    def email(self) -> EmailMessage:
        """For what the standard library's ``email`` can tell."""
        found = BytesParser(policy=email.policy.default).parsebytes(self.source)
        assert isinstance(found, EmailMessage)  # noqa: S101 - what this policy makes
        return found

    def delete(self) -> None:
        self._api.delete(f"/v1/captured/{self.id}")


class Inbox:
    """One tray of a relay, or all of them. ``host`` and ``port`` are where the program under test sends its mail."""

    def __init__(self, api: Api, *, tray: str = "", host: str = "", port: int = 0) -> None:
        self._api = api
        self.tray = tray
        self.host = host
        self.port = port
        self._after = 0

    def wait(self, *, to: str = "", sender: str = "", subject: str = "", text: str = "", timeout: float = 10.0) -> Message:
        """The oldest message that matches and was not waited for before, as soon as it is there. Texts match anywhere.

        Raises NoMessage after ``timeout`` seconds.
        """
        wanted = {"tray": self.tray, "to": to, "sender": sender, "subject": subject, "text": text}
        query: dict[str, Any] = {name: value for name, value in wanted.items() if value}
        deadline = time.monotonic() + timeout
        after = self._after
        while True:
            left = max(0.0, deadline - time.monotonic())
            seconds = min(left, _ONE_CALL)
            found = self._api.get("/v1/captured/wait", query | {"after": after, "timeout": seconds}, timeout=seconds + 10)
            if found["message"] is not None:
                self._after = found["after"]
                return Message(self._api, found["message"])
            after = found["after"]
            if left <= seconds:
                raise NoMessage(f"no message with {query or 'anything'} came within {timeout:g} s; {self._what_is_there()}")

    def messages(self, **conditions: str) -> list[Message]:
        """All there are, oldest first. ``recipient``, ``sender``, ``subject``, ``text``."""
        chosen: dict[str, Any] = dict(conditions) | ({"tray": self.tray} if self.tray else {})
        rows: list[dict[str, Any]] = []
        while True:
            page = self._api.post(
                "/v1/captured/list", {"filter": chosen, "descending": False, "offset": len(rows), "limit": 1000}
            )
            rows += page
            if len(page) < 1000:
                return [Message(self._api, row) for row in rows]

    def expect_none(self, *, to: str = "", sender: str = "", subject: str = "", text: str = "", within: float = 0.5) -> None:
        """Raises NoMessage when such a message is there or comes ``within`` so many seconds; conditions as for ``wait``."""
        try:
            found = self.wait(to=to, sender=sender, subject=subject, text=text, timeout=within)
        except NoMessage:
            return
        raise NoMessage(f"a message came that was not to come: {found!r}")

    def clear(self) -> int:
        """Delete all; how many there were. Waiting begins anew."""
        body: dict[str, Any] = {"operation": "delete", "everything": True}
        if self.tray:
            body |= {"filter": {"tray": self.tray}}
        return int(self._api.post("/v1/captured/operate", body)["count"])

    def _what_is_there(self) -> str:
        there: Sequence[Message] = self.messages()
        return f"there are {there!r}" if there else "the inbox is empty"
