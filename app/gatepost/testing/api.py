"""The control API over its Unix socket, in as many lines as it takes."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode


class ApiError(Exception):
    """The relay refused. ``status`` is HTTP's, ``error`` what it said: ``code``, ``title``, ``detail``, ``issues``…"""

    def __init__(self, call: str, status: int, error: Mapping[str, Any]) -> None:
        issues = "; ".join(f"{issue['field']}: {issue['message']}" for issue in error.get("issues", ()))
        words = " ".join(filter(None, (error.get("title", ""), error.get("detail", ""), issues)))
        super().__init__(f"{call}: {status} {words}")
        self.status = status
        self.error = error


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """One call is one connection: it may be used from any thread."""

    def __init__(self, path: str) -> None:
        self._path = path

    def get(self, path: str, query: Mapping[str, Any] | None = None, *, timeout: float = 30.0) -> Any:
        return json.loads(self.octets("GET", f"{path}?{urlencode(query)}" if query else path, timeout=timeout))

    def post(self, path: str, body: object) -> Any:
        return json.loads(self.octets("POST", path, body))

    def put(self, path: str, body: object) -> Any:
        return json.loads(self.octets("PUT", path, body))

    def delete(self, path: str) -> None:
        self.octets("DELETE", path)

    def octets(self, method: str, path: str, body: object = None, *, timeout: float = 30.0) -> bytes:
        """What came. Raises ApiError for what is not 2xx, OSError when the relay is not there."""
        connection = _Connection(self._path, timeout)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            try:
                error = json.loads(content)["error"]
            except (ValueError, KeyError, TypeError):
                error = {"title": content[:200].decode("utf-8", "replace")}
            raise ApiError(f"{method} {path}", response.status, error)
        return content
