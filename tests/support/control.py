"""The control API of a running relay, called over its Unix socket with nothing but the standard library.

It knows nothing of the program's own client, so that a test can also send what that one never would.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The error's code, such as ``conflict``; empty when it was none."""
        found = self.json if self.status >= 400 else {}
        return str(found.get("error", {}).get("code", ""))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class ControlApi:
    """``call`` answers whatever came; the verbs below it raise AssertionError for anything but 2xx and return the body."""

    def __init__(self, path: str) -> None:
        self._path = path

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = _UnixConnection(self._path)
        try:
            sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            own = {} if sent is None else {"Content-Type": "application/json"}
            connection.request(method, path, sent, {**own, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        return self._done("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        return self._done("POST", path, body)

    def patch(self, path: str, body: object) -> Any:
        return self._done("PATCH", path, body)

    def _done(self, method: str, path: str, body: object) -> Any:
        answer = self.call(method, path, body)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.body.decode()}"
        return answer.json

    # What tests ask again and again

    def timeline(self, queue_id: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.get(f"/v1/tracking/{queue_id}")["entries"]
        return entries

    def tracked(self, **chosen: object) -> list[dict[str, Any]]:
        """Every message that tracking finds, oldest first."""
        found: list[dict[str, Any]] = []
        before = None
        while True:
            page = self.post("/v1/tracking/search", {"limit": 1000, "before": before, **chosen})
            found += page["messages"]
            before = page["next_before"]
            if before is None:
                return found[::-1]

    @property
    def spooled(self) -> int:
        return int(self.get("/v1/spool/counts")["total"])

    def retry_all(self) -> None:
        self.post("/v1/spool/operate", {"operation": "retry", "everything": True})

    def health(self, gateway_id: str) -> str:
        reports = self.get("/v1/gateway-reports")
        return str(next(report["health"] for report in reports if report["id"] == gateway_id))
