"""One listener's rules as of one configuration: whatever can be worked out beforehand is, so that a session only looks up."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from ...model.capture import Capture, CaptureAndDeliver, Deliver, Handling, RedirectAll
from ...model.configuration import Configuration
from ...model.listener import Listener, ListenerMode, ListenerTls
from . import trace
from .admission import Admission

HOUR = 3600.0


@dataclass(slots=True)
class Terms:
    """Immutable but for the cache of EHLO replies. Sessions take the present one at each MAIL."""

    listener: Listener
    host_name: str
    admission: Admission
    tls_context: ssl.SSLContext | None
    max_message_bytes: int
    max_received: int
    delivery_delay: float
    lifetime: float
    delay_notice: float | None
    greeting: bytes = field(init=False)
    own_mark: bytes = field(init=False)
    handling: Handling | None = field(init=False)
    """None: mail is delivered."""
    has_faults: bool = False
    """Whether a fault may be due here."""
    tls_required: bool = field(init=False)
    _ehlo: dict[tuple[bool, bool, bool], bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.greeting = f"220 {self.host_name} ESMTP {trace.PRODUCT}\r\n".encode()
        self.own_mark = trace.own_mark(self.host_name)
        self.tls_required = self.listener.tls is ListenerTls.STARTTLS_REQUIRED
        handling = self.listener.handling
        self.handling = None if isinstance(handling, Deliver) else handling

    @property
    def offers_starttls(self) -> bool:
        return self.tls_context is not None and self.listener.tls is not ListenerTls.IMPLICIT

    @property
    def captures(self) -> bool:
        """Mail is kept in a tray and goes no further."""
        return isinstance(self.handling, Capture)

    @property
    def keeps_copies(self) -> bool:
        return isinstance(self.handling, CaptureAndDeliver)

    @property
    def redirects_to(self) -> str:
        """The one address that all mail goes to; empty: it goes to its recipients."""
        return self.handling.address if isinstance(self.handling, RedirectAll) else ""

    @property
    def takes_any_recipient(self) -> bool:
        """No mail leaves to the recipients that are named, so that anybody may be."""
        return isinstance(self.handling, Capture | RedirectAll)

    @property
    def adds_missing_fields(self) -> bool:
        return self.listener.mode is ListenerMode.SUBMISSION

    def ehlo(self, starttls: bool, auth: bool, etrn: bool) -> bytes:
        """The reply to EHLO, with the extensions that apply to this client now."""
        key = (starttls, auth, etrn)
        known = self._ehlo.get(key)
        if known is None:
            lines = [self.host_name, "PIPELINING", f"SIZE {self.max_message_bytes}", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING"]
            lines += ["STARTTLS"] if starttls else []
            lines += ["AUTH PLAIN LOGIN"] if auth else []
            lines += ["ETRN"] if etrn else []
            lines += [f"LIMITS RCPTMAX={self.listener.limits.recipients}", "ENHANCEDSTATUSCODES", "HELP"]
            known = "".join(f"250{' ' if line is lines[-1] else '-'}{line}\r\n" for line in lines).encode()
            self._ehlo[key] = known
        return known


def make_terms(configuration: Configuration, listener: Listener, host_name: str, tls_context: ssl.SSLContext | None) -> Terms:
    spool = configuration.settings.spool
    notice = spool.delay_notice_hours
    return Terms(
        listener,
        host_name,
        Admission(configuration, host_name, listener.proxy_protocol_from),
        tls_context,
        spool.max_message_bytes,
        spool.max_received_headers,
        float(spool.delivery_delay_seconds),
        spool.lifetime_hours * HOUR,
        notice * HOUR if notice else None,
        has_faults=any(rule.enabled and rule.listener in (None, listener.id) for rule in configuration.faults),
    )
