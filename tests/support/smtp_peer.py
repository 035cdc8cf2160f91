"""An SMTP server that does what a test tells it: the next hop, well behaved or not.

It runs in threads of its own with blocking sockets, so that the loop under test (asyncio or uvloop) is never the loop
that serves, and nothing a test does to its loop changes the peer. Everything that arrives is recorded.

    with SmtpPeer(features=("PIPELINING", "SIZE 1000000")) as peer:
        peer.on("rcpt", "550 5.1.1 no such user", match="nobody@")
        peer.on("dot", DROP, times=1)
        ...
        assert peer.messages[0].sender == "a@example.org"

Stages for ``on``: connect (the banner), ehlo, helo, starttls, auth, mail, rcpt, data, content (after 16 KB of it, or at
the first octets when shorter), dot (the reply to the message), rset, noop, quit, any.

As a program (for system tests): ``python -m tests.support.smtp_peer --port 0`` prints one JSON line with the port, then
one for each message, sign-in and connection; JSON lines on its stdin change the script while it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import socket
import ssl
import struct
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .certificates import Issued, issued

DEFAULT_FEATURES = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True)
class Drop:
    """Close the connection without a word; ``reset``: by RST instead of FIN."""

    reset: bool = False


@dataclass(frozen=True)
class Hang:
    """Say nothing more, keep the connection open until the peer stops."""


@dataclass(frozen=True)
class Delay:
    """Wait, then do what follows (by default what would have been done anyway)."""

    seconds: float
    then: Action | None = None


@dataclass(frozen=True)
class Raw:
    """Send these octets as they are; ``drop``: and close."""

    octets: bytes
    drop: bool = False


@dataclass(frozen=True)
class Endless:
    """Send this again and again until the other side gives up (``pause`` seconds between)."""

    octets: bytes = b"250-and so on\r\n"
    pause: float = 0.0


@dataclass(frozen=True)
class SayAndDrop:
    """A reply, then close: what 421 means."""

    text: str


Action = str | Drop | Hang | Delay | Raw | Endless | SayAndDrop
DROP = Drop()
RESET = Drop(reset=True)
HANG = Hang()


@dataclass
class Rule:
    stage: str
    action: Action
    match: str = ""
    times: int | None = None
    after: int = 0


@dataclass(frozen=True)
class Received:
    """One message that was taken. ``content`` as it was before dot-stuffing; empty when contents are not kept."""

    connection: int
    sender: str
    mail_parameters: tuple[str, ...]
    recipients: tuple[str, ...]
    recipient_parameters: tuple[tuple[str, ...], ...]
    content: bytes
    size: int
    sha256: str
    tls: bool
    user: str
    at: float


@dataclass(frozen=True)
class AuthAttempt:
    connection: int
    mechanism: str
    user: str
    password: str
    tls: bool
    accepted: bool


@dataclass
class ConnectionRecord:
    number: int
    client: str
    began: float = field(default_factory=time.time)
    ended: float | None = None
    end: str = ""
    """quit, eof, dropped, reset, error."""
    tls: str = ""
    server_name: str = ""
    """SNI."""
    ehlo: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    reads: list[bytes] = field(default_factory=list)
    """The first 200 segments as they arrived, 4 KB of each."""
    messages: int = 0


class _Ended(Exception):
    def __init__(self, end: str) -> None:
        super().__init__(end)
        self.end = end


class SmtpPeer:
    """See the module. ``users`` maps names to passwords and makes AUTH (``auth`` lists the mechanisms) known."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "peer.test",
        features: Iterable[str] = DEFAULT_FEATURES,
        starttls: bool = False,
        implicit_tls: bool = False,
        certificate: Issued | None = None,
        tls_versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None,
        users: Mapping[str, str] | None = None,
        tokens: Callable[[str, str], str] | None = None,
        auth: Iterable[str] = ("PLAIN", "LOGIN"),
        auth_needs_tls: bool = False,
        require_auth: bool = False,
        greylist: bool = False,
        inject_before_tls: bytes = b"",
        keep_content: bool = True,
        max_messages: int | None = None,
        max_connections: int | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.name = name
        self.features = list(features)
        self.starttls = starttls
        self.implicit_tls = implicit_tls
        self.certificate = certificate
        self.tls_versions = tls_versions
        self.users = dict(users or {})
        self.tokens = tokens
        """Says of a user and an access token what is wrong with it, as the ``status`` of the challenge; "": nothing."""
        self.auth = tuple(auth)
        self.auth_needs_tls = auth_needs_tls
        self.require_auth = require_auth
        self.greylist = greylist
        self.inject_before_tls = inject_before_tls
        self.keep_content = keep_content
        self.max_messages = max_messages
        """By connection; the next MAIL is answered with 421."""
        self.max_connections = max_connections
        """At once; one more is greeted with 421."""
        self.messages: list[Received] = []
        self.auths: list[AuthAttempt] = []
        self.connections: list[ConnectionRecord] = []
        self.observer: Callable[[str, dict[str, Any]], None] | None = None
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._greylisted: set[tuple[str, str]] = set()
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._sockets: dict[int, socket.socket] = {}
        self._threads: list[threading.Thread] = []
        self._contexts: dict[Issued, ssl.SSLContext] = {}

    # Script

    def on(self, stage: str, action: Action, *, match: str = "", times: int | None = None, after: int = 0) -> None:
        """At ``stage``, when the command line holds ``match``, do ``action``; ``times`` at most, the first ``after`` spared."""
        with self._lock:
            self._rules.append(Rule(stage, action, match, times, after))

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules.clear()

    def action_for(self, stage: str, line: str) -> Action | None:
        with self._lock:
            for rule in self._rules:
                if rule.stage in (stage, "any") and rule.match in line:
                    if rule.after > 0:
                        rule.after -= 1
                        continue
                    if rule.times is not None:
                        if rule.times <= 0:
                            continue
                        rule.times -= 1
                    return rule.action
        return None

    # Life

    def start(self) -> SmtpPeer:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(256)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._stopping.clear()
        self._spawn(self._accept, listener)
        return self

    def stop(self) -> None:
        """Close the listener and every connection, and wait for the threads."""
        self._stopping.set()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.drop_all()
        for thread in list(self._threads):
            thread.join(5)

    def drop_all(self) -> None:
        """Close every open connection as a crash of the server would."""
        with self._lock:
            open_sockets = list(self._sockets.values())
        for connection in open_sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def open_connections(self) -> int:
        return len(self._sockets)

    def __enter__(self) -> SmtpPeer:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    async def __aenter__(self) -> SmtpPeer:
        return self.start()

    async def __aexit__(self, *_exc: object) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.stop)

    async def wait_for(self, condition: Callable[[SmtpPeer], bool], seconds: float = 5.0) -> None:
        """Wait until ``condition(peer)`` holds; AssertionError when it does not in time."""
        end = time.monotonic() + seconds
        while not condition(self):
            if time.monotonic() > end:
                raise AssertionError(f"the peer did not see it within {seconds} s; it has {self.messages!r:.500}")
            await asyncio.sleep(0.005)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True, name=f"smtp-peer-{self.port}")
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                connection, address = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                record = ConnectionRecord(len(self.connections), address[0])
                self.connections.append(record)
                self._sockets[record.number] = connection
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._spawn(self._serve, connection, record)

    def _serve(self, connection: socket.socket, record: ConnectionRecord) -> None:
        session = _PeerSession(self, connection, record)
        try:
            session.run()
        except _Ended as ended:
            record.end = ended.end
        except ssl.SSLError as error:
            record.end = f"tls: {error.reason}"
        except OSError as error:
            record.end = f"error: {error}"
        finally:
            session.close()
            record.ended = time.time()
            with self._lock:
                self._sockets.pop(record.number, None)
            self.note("connection", {"number": record.number, "end": record.end, "messages": record.messages})

    def note(self, kind: str, data: dict[str, Any]) -> None:
        if self.observer is not None:
            self.observer(kind, data)

    def context(self) -> ssl.SSLContext:
        chosen = self.certificate or issued()
        with self._lock:
            if (found := self._contexts.get(chosen)) is None:
                found = self._contexts[chosen] = chosen.server_context()
                if self.tls_versions is not None:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are there to be refused
                        found.minimum_version, found.maximum_version = self.tls_versions
                    found.set_ciphers("ALL:@SECLEVEL=0")
        return found

    def is_greylisted(self, sender: str, recipient: str) -> bool:
        with self._lock:
            if not self.greylist or (sender, recipient) in self._greylisted:
                return False
            self._greylisted.add((sender, recipient))
            return True


class _PeerSession:
    def __init__(self, peer: SmtpPeer, connection: socket.socket, record: ConnectionRecord) -> None:
        self.peer = peer
        self.socket = connection
        self.record = record
        self.buffer = bytearray()
        self.out = bytearray()
        self.tls = False
        self.user = ""
        self.is_closed = False
        self.reset()

    def reset(self) -> None:
        self.sender: str | None = None
        self.mail_parameters: tuple[str, ...] = ()
        self.recipients: list[str] = []
        self.recipient_parameters: list[tuple[str, ...]] = []
        self.chunks = bytearray()

    # Octets

    def fill(self) -> None:
        self.flush()
        data = self.socket.recv(262_144)
        if not data:
            raise _Ended("eof")
        if len(self.record.reads) < 200:
            self.record.reads.append(data[:4096])
        self.buffer += data

    def flush(self) -> None:
        if self.out:
            data = bytes(self.out)
            self.out.clear()
            self.socket.sendall(data)

    def read_line(self) -> str:
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > 1_000_000:
                raise _Ended("error: endless line")
            self.fill()
        line = bytes(self.buffer[:end]).rstrip(b"\r")
        del self.buffer[: end + 1]
        return line.decode("utf-8", "surrogateescape")

    def say(self, text: str) -> None:
        lines = text.split("\n")
        code = lines[0][:3]
        for index, line in enumerate(lines):
            is_last = index == len(lines) - 1
            rest = line[4:] if line[:3] == code else line
            self.out += f"{code}{' ' if is_last else '-'}{rest}\r\n".encode("utf-8", "surrogateescape")

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            with contextlib.suppress(OSError):
                self.socket.close()

    # Script

    def act(self, stage: str, line: str, ordinary: Callable[[], None]) -> bool:
        """Do what the script says, else ``ordinary``. True when the ordinary thing was done."""
        return self.perform(self.peer.action_for(stage, line), ordinary)

    def perform(self, action: Action | None, ordinary: Callable[[], None]) -> bool:
        if action is None:
            ordinary()
            return True
        if isinstance(action, str):
            self.say(action)
        elif isinstance(action, Drop):
            self.flush()
            self.drop(action.reset)
        elif isinstance(action, Hang):
            self.flush()
            self.peer._stopping.wait(120)
            raise _Ended("hung")
        elif isinstance(action, Delay):
            self.flush()
            self.peer._stopping.wait(action.seconds)
            return self.perform(action.then, ordinary)
        elif isinstance(action, Raw):
            self.out += action.octets
            self.flush()
            if action.drop:
                self.drop(False)
        elif isinstance(action, Endless):
            self.flush()
            while not self.peer._stopping.is_set():
                self.socket.sendall(action.octets)
                if action.pause:
                    self.peer._stopping.wait(action.pause)
            raise _Ended("hung")
        else:
            self.say(action.text)
            self.flush()
            self.drop(False)
        return False

    def drop(self, reset: bool) -> None:
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()
            raise _Ended("reset")
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.close()
        raise _Ended("dropped")

    # Dialogue

    def run(self) -> None:
        peer = self.peer
        if peer.implicit_tls:
            self.wrap()
        if peer.max_connections is not None and peer.open_connections > peer.max_connections:
            self.say(f"421 4.7.0 {peer.name} too many connections")
            self.flush()
            self.drop(False)
        self.act("connect", "", lambda: self.say(f"220 {peer.name} ESMTP"))
        while True:
            line = self.read_line()
            self.record.commands.append(line)
            verb, _, argument = line.partition(" ")
            handler = getattr(self, f"do_{verb.lower()}", None)
            if handler is None:
                self.act("unknown", line, lambda: self.say("500 5.5.2 unknown command"))
            else:
                handler(argument, line)

    def wrap(self) -> None:
        context = self.peer.context()

        def seen(_socket: object, name: str | None, _context: ssl.SSLContext) -> None:
            self.record.server_name = name or ""

        context.sni_callback = seen
        self.socket = context.wrap_socket(self.socket, server_side=True)
        with self.peer._lock:
            self.peer._sockets[self.record.number] = self.socket
        self.tls = True
        self.record.tls = self.socket.version() or ""

    def do_ehlo(self, argument: str, line: str) -> None:
        self.reset()
        self.record.ehlo.append(argument)
        peer = self.peer
        features = list(peer.features)
        if peer.starttls and not self.tls:
            features.append("STARTTLS")
        if (peer.users or peer.tokens) and (self.tls or not peer.auth_needs_tls):
            features.append("AUTH " + " ".join(peer.auth))
        self.act("ehlo", line, lambda: self.say("\n".join(f"250 {item}" for item in [f"{peer.name} greets you", *features])))

    def do_helo(self, argument: str, line: str) -> None:
        self.reset()
        self.record.ehlo.append(argument)
        self.act("helo", line, lambda: self.say(f"250 {self.peer.name}"))

    def do_starttls(self, _argument: str, line: str) -> None:
        if not self.act("starttls", line, lambda: self.say("220 2.0.0 go ahead")):
            return
        self.out += self.peer.inject_before_tls
        self.flush()
        self.buffer.clear()
        self.reset()
        self.user = ""
        self.wrap()

    def do_auth(self, argument: str, line: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        user, password, accepted = "", "", False
        if mechanism == "PLAIN":
            _, user, password = self.decoded(initial or self.ask("")).split("\0")
            accepted = self.peer.users.get(user) == password
        elif mechanism == "LOGIN":
            user = self.decoded(initial or self.ask("Username:"))
            password = self.decoded(self.ask("Password:"))
            accepted = self.peer.users.get(user) == password
        elif mechanism == "CRAM-MD5":
            import hmac

            challenge = f"<{time.time()}@{self.peer.name}>"
            user, _, digest = self.decoded(self.ask(challenge)).rpartition(" ")
            known = self.peer.users.get(user, "")
            accepted = bool(known) and digest == hmac.new(known.encode(), challenge.encode(), "md5").hexdigest()
            password = known if accepted else ""
        elif mechanism in ("XOAUTH2", "OAUTHBEARER") and mechanism in self.peer.auth and self.peer.tokens is not None:
            user, password = _bearer(mechanism, self.decoded(initial or self.ask("")))
            if status := self.peer.tokens(user, password):
                ended = self.ask(json.dumps({"status": status, "schemes": "bearer", "scope": "https://mail.test/"}))
                # Google's and Microsoft's wait for an empty line, RFC 7628 for a single control-A.
                self.peer.note("challenged", {"status": status, "ended": ended})
                if ended != ("" if mechanism == "XOAUTH2" else "AQ=="):
                    self.say("501 5.5.4 the challenge was to be answered otherwise")
                    return
            accepted = not status
        else:
            self.say("504 5.5.4 unknown mechanism")
            return

        def ordinary() -> None:
            self.say("235 2.7.0 welcome" if accepted else "535 5.7.8 username or password wrong")

        attempt = AuthAttempt(self.record.number, mechanism, user, password, self.tls, accepted)
        self.peer.auths.append(attempt)
        self.peer.note("auth", {"mechanism": mechanism, "user": user, "tls": self.tls, "accepted": accepted})
        if self.act("auth", line, ordinary) and accepted:
            self.user = user

    def ask(self, challenge: str) -> str:
        self.say(f"334 {base64.b64encode(challenge.encode()).decode()}")
        return self.read_line()

    @staticmethod
    def decoded(text: str) -> str:
        return base64.b64decode(text).decode()

    def do_mail(self, argument: str, line: str) -> None:
        peer = self.peer
        address, parameters = _address(argument, "FROM:")

        def ordinary() -> None:
            if self.sender is not None:
                self.say("503 5.5.1 nested MAIL command")
            elif peer.require_auth and not self.user:
                self.say("530 5.7.0 authentication required")
            elif peer.max_messages is not None and self.record.messages >= peer.max_messages:
                self.say(f"421 4.7.0 {peer.name} that was enough for one connection")
                self.flush()
                self.drop(False)
            else:
                self.sender, self.mail_parameters = address, parameters
                self.say("250 2.1.0 sender ok")

        self.act("mail", line, ordinary)

    def do_rcpt(self, argument: str, line: str) -> None:
        address, parameters = _address(argument, "TO:")

        def ordinary() -> None:
            if self.sender is None:
                self.say("503 5.5.1 need MAIL first")
            elif self.peer.is_greylisted(self.sender, address):
                self.say("451 4.7.1 greylisted, try again later")
            else:
                self.recipients.append(address)
                self.recipient_parameters.append(parameters)
                self.say("250 2.1.5 recipient ok")

        self.act("rcpt", line, ordinary)

    def do_data(self, _argument: str, line: str) -> None:
        if self.peer.action_for("data-blind", line) is not None:
            accepts = True  # takes content even without recipients, as RFC 2920 §3.1 warns
            self.say("354 go ahead")
        elif self.sender is None or not self.recipients:
            accepts = False
            self.act("data", line, lambda: self.say("554 5.5.1 no valid recipients"))
        else:
            accepts = self.act("data", line, lambda: self.say("354 go ahead"))
        if accepts:
            self.take(self.read_content())

    def read_content(self) -> bytes:
        content = bytearray()
        acted = False
        while True:
            if self.buffer.startswith(b".\r\n") and not content:
                end, skip = 0, 3
            else:
                end = self.buffer.find(b"\r\n.\r\n")
                skip = 5
            if end >= 0:
                content += self.buffer[: end + (2 if skip == 5 else 0)]
                del self.buffer[: end + skip]
                break
            if not acted and (len(content) + len(self.buffer) > 16_384):
                acted = True
                self.act("content", "", lambda: None)
            if len(self.buffer) > 65_536:
                content += self.buffer[:-5]
                del self.buffer[:-5]
            self.fill()
        if not acted:
            self.act("content", "", lambda: None)
        plain = bytes(content)
        return (plain[1:] if plain.startswith(b".") else plain).replace(b"\r\n..", b"\r\n.")

    def do_bdat(self, argument: str, line: str) -> None:
        size_text, _, last = argument.partition(" ")
        size = int(size_text)
        while len(self.buffer) < size:
            self.fill()
        self.chunks += self.buffer[:size]
        del self.buffer[:size]
        if last.upper() == "LAST":
            content = bytes(self.chunks)
            self.take(content)
        else:
            self.act("bdat", line, lambda: self.say(f"250 2.0.0 {size} octets"))

    def take(self, content: bytes) -> None:
        peer = self.peer
        message = Received(
            self.record.number,
            self.sender or "",
            self.mail_parameters,
            tuple(self.recipients),
            tuple(self.recipient_parameters),
            content if peer.keep_content else b"",
            len(content),
            hashlib.sha256(content).hexdigest(),
            self.tls,
            self.user,
            time.time(),
        )

        def record() -> None:
            # What was taken stays on record even when the reply never leaves.
            peer.messages.append(message)
            self.record.messages += 1
            peer.note("message", _described(message))

        def ordinary() -> None:
            if not message.recipients:
                self.say("554 5.5.1 no valid recipients")
            else:
                record()
                self.say(f"250 2.0.0 queued as {self.record.number}-{self.record.messages}")

        action = peer.action_for("dot", message.sender)
        if action is not None and not (isinstance(action, str | SayAndDrop) and str(action)[:1] in "45"):
            is_refusal = isinstance(action, SayAndDrop) and action.text[:1] in "45"
            if not is_refusal and not isinstance(action, Delay):
                record()
        self.perform(action, ordinary)
        self.reset()

    def do_rset(self, _argument: str, line: str) -> None:
        self.reset()
        self.act("rset", line, lambda: self.say("250 2.0.0 reset"))

    def do_noop(self, _argument: str, line: str) -> None:
        self.act("noop", line, lambda: self.say("250 2.0.0 ok"))

    def do_quit(self, _argument: str, line: str) -> None:
        self.act("quit", line, lambda: self.say("221 2.0.0 bye"))
        self.flush()
        raise _Ended("quit")


def _bearer(mechanism: str, initial: str) -> tuple[str, str]:
    """User and token. Strict about the form: what a real server would refuse has neither."""
    first, *pairs = initial.split("\x01")
    if pairs[-2:] != ["", ""]:
        return "", ""
    fields = dict(pair.partition("=")[::2] for pair in pairs[:-2])
    scheme, _, token = fields.get("auth", "").partition(" ")
    if scheme != "Bearer":
        return "", ""
    if mechanism == "XOAUTH2":
        return first.removeprefix("user=") if first.startswith("user=") else "", token
    gs2, _, rest = first.partition(",a=")
    return rest.removesuffix(",").replace("=2C", ",").replace("=3D", "=") if gs2 == "n" and rest.endswith(",") else "", token


def _address(argument: str, prefix: str) -> tuple[str, tuple[str, ...]]:
    rest = argument[len(prefix) :].strip()
    address, _, parameters = rest.rpartition(">") if ">" in rest else (rest, "", "")
    return address.lstrip("<"), tuple(parameters.split())


def _described(message: Received) -> dict[str, Any]:
    return {
        "connection": message.connection,
        "sender": message.sender,
        "mail_parameters": message.mail_parameters,
        "recipients": message.recipients,
        "recipient_parameters": message.recipient_parameters,
        "size": message.size,
        "sha256": message.sha256,
        "tls": message.tls,
        "user": message.user,
        "content": base64.b64encode(message.content).decode() if 0 < len(message.content) <= 262_144 else None,
    }


def parse_action(data: Any) -> Action:
    """An action from JSON: "drop", "reset", "hang", {"reply": …}, {"delay": s}, {"raw": …}, {"say_and_drop": …}."""
    if data == "drop":
        return DROP
    if data == "reset":
        return RESET
    if data == "hang":
        return HANG
    if "reply" in data:
        return str(data["reply"])
    if "delay" in data:
        return Delay(float(data["delay"]), parse_action(data["then"]) if "then" in data else None)
    if "raw" in data:
        return Raw(str(data["raw"]).encode("latin-1"), bool(data.get("drop")))
    if "say_and_drop" in data:
        return SayAndDrop(str(data["say_and_drop"]))
    raise ValueError(f"no such action: {data!r}")


def _obey(peer: SmtpPeer, order: dict[str, Any]) -> bool:
    """One order from stdin: {"on": stage, "do": action, "match", "times", "after"}, {"clear": true}, {"drop_all": true},
    {"quit": true}. False: stop."""
    if order.get("clear"):
        peer.clear()
    if order.get("drop_all"):
        peer.drop_all()
    if "on" in order:
        peer.on(
            order["on"],
            parse_action(order["do"]),
            match=order.get("match", ""),
            times=order.get("times"),
            after=order.get("after", 0),
        )
    return not order.get("quit")


def main() -> None:
    parser = argparse.ArgumentParser(description="A programmable SMTP server for tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--feature", action="append", help="announce this instead of the default ones")
    parser.add_argument("--starttls", action="store_true")
    parser.add_argument("--implicit-tls", action="store_true")
    parser.add_argument("--certificate", nargs=2, metavar=("CERT", "KEY"), type=Path)
    parser.add_argument("--user", action="append", default=[], metavar="NAME:PASSWORD")
    parser.add_argument("--auth", action="append", default=[])
    parser.add_argument("--require-auth", action="store_true")
    parser.add_argument("--greylist", action="store_true")
    parser.add_argument("--max-messages", type=int)
    parser.add_argument("--discard", action="store_true", help="keep no contents")
    parser.add_argument("--script", type=Path, help="a JSON list of orders, as on stdin")
    options = parser.parse_args()
    certificate = None
    if options.certificate:
        der = ssl.PEM_cert_to_DER_cert(options.certificate[0].read_text())
        certificate = Issued(options.certificate[0], options.certificate[1], hashlib.sha256(der).hexdigest())
    peer = SmtpPeer(
        host=options.host,
        port=options.port,
        features=options.feature or DEFAULT_FEATURES,
        starttls=options.starttls,
        implicit_tls=options.implicit_tls,
        certificate=certificate,
        users=dict(item.split(":", 1) for item in options.user),
        auth=options.auth or ("PLAIN", "LOGIN"),
        require_auth=options.require_auth,
        greylist=options.greylist,
        max_messages=options.max_messages,
        keep_content=not options.discard,
    )
    lock = threading.Lock()

    def report(kind: str, data: dict[str, Any]) -> None:
        with lock:
            print(json.dumps({"event": kind, **data}), flush=True)
        if options.discard:
            peer.messages.clear()

    peer.observer = report
    for order in json.loads(options.script.read_text()) if options.script else []:
        _obey(peer, order)
    peer.start()
    report("listening", {"port": peer.port})
    for line in sys.stdin:
        if line.strip() and not _obey(peer, json.loads(line)):
            break
    peer.stop()


if __name__ == "__main__":
    main()
