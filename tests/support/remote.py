"""The control API of a relay on another machine, as a program sees it that knows nothing of Gatepost's own client."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
import warnings
from collections.abc import Mapping

from .control import Answer
from .ports import free_port, is_listening, wait_until
from .relay_process import RelayProcess


def unverified(*, highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what old clients speak is asked for on purpose
        context.maximum_version = highest
    return context


def switch_on(relay: RelayProcess, **settings: object) -> int:
    """The port that remote administration listens on now."""
    port = int(str(settings.pop("port", 0))) or free_port()
    relay.api.patch("/v1/settings", {"remote": {"enabled": True, "address": "127.0.0.1", "port": port, **settings}})
    wait_until(lambda: is_listening(port), "remote administration listens")
    return port


def make_token(relay: RelayProcess, name: str) -> str:
    return str(relay.api.post("/v1/tokens", {"name": name})["secret"])


def fingerprint_at(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, unverified().wrap_socket(plain) as secured:
        found = secured.getpeercert(binary_form=True)
    assert found is not None
    return hashlib.sha256(found).hexdigest()


def shown_at(port: int) -> str:
    """The certificate's fingerprint, or an empty text while the port is closed or just being opened anew."""
    try:
        return fingerprint_at(port)
    except OSError:
        return ""


class RemoteApi:
    """One connection for each call, like ``ControlApi``."""

    def __init__(self, port: int, token: str = "") -> None:
        self._port = port
        self._token = token

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=20, context=unverified())
        try:
            sent = None if body is None else json.dumps(body).encode()
            own = {} if sent is None else {"Content-Type": "application/json"}
            shown = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            connection.request(method, path, sent, {**own, **shown, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()
