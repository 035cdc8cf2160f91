"""Every refusal that reception words itself: its reply with advice, and the label under which it is counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...model.reply import Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """``closes``: the connection ends after this reply. ``is_error``: it counts against the client's error limit."""

    reason: str
    reply: Reply
    closes: bool = False
    is_error: bool = True
    wire: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wire", self.reply.wire())


def _refusal(reason: str, code: int, enhanced: str, text: str, closes: bool = False, is_error: bool = True) -> Refusal:
    return Refusal(reason, Reply(code, enhanced, text), closes or code == 421, is_error)


# Connections
TOO_MANY_CONNECTIONS = _refusal("connections", 421, "4.7.0", "Too many connections here now, please try again later")
TOO_MANY_FROM_ADDRESS = _refusal(
    "connections-per-address", 421, "4.7.0", "Too many connections from your address, please use fewer or try again later"
)
NOT_TRUSTED = _refusal(
    "not-trusted", 554, "5.7.1", "This port serves trusted networks only; ask its administrator to add your address", True
)
SHUTTING_DOWN = _refusal("shutdown", 421, "4.3.2", "This server is going down, please try again in a moment", is_error=False)
PROXY_INVALID = _refusal("proxy", 421, "4.7.0", "A PROXY header was expected and none that can be read came")
PROXY_NOT_TRUSTED = _refusal("proxy", 554, "5.7.1", "No PROXY header is accepted from your address", True)
HTTP = _refusal("http", 554, "5.5.1", "This is a mail server, not a web server", True)
TLS_IN_CLEAR = _refusal("tls-in-clear", 554, "5.5.1", "This port begins without TLS: use STARTTLS", True)

# Limits
IDLE = _refusal("idle", 421, "4.4.2", "Nothing was heard for too long, please connect again", is_error=False)
SESSION_TOO_LONG = _refusal("session-time", 421, "4.4.2", "This session has lasted too long, please connect again")
DATA_TOO_LONG = _refusal("data-time", 421, "4.4.2", "The message took too long, please try again over a better connection")
DATA_TOO_SLOW = _refusal("data-rate", 421, "4.4.2", "The message came too slowly, please try again over a better connection")
TOO_MANY_COMMANDS = _refusal("commands-without-mail", 421, "4.7.0", "Too many commands without a message, please connect again")
TOO_MANY_ERRORS = _refusal("errors", 421, "4.7.0", "Too many errors, please correct them and connect again")
TOO_MANY_MESSAGES = _refusal(
    "messages-per-connection", 421, "4.7.0", "Enough messages for one connection, please connect again", is_error=False
)
TOO_MANY_RECIPIENTS = _refusal(
    "recipients", 452, "4.5.3", "Too many recipients, please send the rest in another transaction", is_error=False
)
LINE_TOO_LONG = _refusal("command-length", 500, "5.5.6", "The command line is too long")
TOO_LARGE = _refusal("size", 552, "5.3.4", "The message is larger than this server takes, please send a link instead")
NO_ROOM = _refusal(
    "disk-full", 452, "4.3.1", "There is no room to keep the message now, please try again later", is_error=False
)
INSPECTED_APART = _refusal(
    "inspected-apart", 452, "4.5.3", "This recipient's mail is inspected by other rules, please send it separately",
    is_error=False,
)  # fmt: skip
STORAGE = _refusal("storage", 451, "4.3.0", "The message cannot be kept now, please try again later", is_error=False)

# Syntax and order
BARE_LF_COMMAND = _refusal("bare-line-end-command", 500, "5.5.2", "Commands must end with CR LF")
CONTROL_CHARACTERS = _refusal("control-characters", 500, "5.5.2", "The command holds characters that no command may hold")
BAD_SYNTAX = _refusal("syntax", 500, "5.5.2", "The command cannot be read")
UNKNOWN_COMMAND = _refusal("unknown-command", 500, "5.5.1", "This command is not known here, see HELP")
NOT_IMPLEMENTED = _refusal("not-implemented", 502, "5.5.1", "This command is not offered here")
NO_ARGUMENT = _refusal("syntax", 501, "5.5.4", "This command takes no argument")
HELO_FIRST = _refusal("order", 503, "5.5.1", "Please send EHLO first")
EHLO_FIRST = _refusal("order", 503, "5.5.1", "Please send EHLO first, not HELO")
MAIL_FIRST = _refusal("order", 503, "5.5.1", "Please send MAIL first")
NESTED_MAIL = _refusal("order", 503, "5.5.1", "There is a sender already, send RSET to begin anew")
NO_RECIPIENTS = _refusal("order", 554, "5.5.1", "No recipient was accepted")
RCPT_FIRST = _refusal("order", 503, "5.5.1", "Please send RCPT first")
BDAT_MIXED = _refusal("order", 503, "5.5.1", "DATA and BDAT cannot be mixed, send RSET to begin anew")
IN_TRANSACTION = _refusal("order", 503, "5.5.1", "Not within a transaction, send RSET first")
HELO_SYNTAX = _refusal("helo", 501, "5.5.4", "Please give your host name: a domain, or an address in brackets")
EARLY_DATA = _refusal("synchronisation", 421, "4.5.0", "Data came before it was asked for, please connect again")
BDAT_SYNTAX = _refusal("syntax", 421, "4.5.4", "Write BDAT size [LAST], please connect again")

# Security
STARTTLS_FIRST = _refusal("starttls-required", 530, "5.7.0", "Please issue STARTTLS first")
TLS_ALREADY = _refusal("order", 503, "5.5.1", "TLS is on already")
NO_TLS = _refusal("tls", 454, "4.7.0", "TLS is not available now")
AUTH_REQUIRED = _refusal("auth-required", 530, "5.7.0", "Please sign in first: this port is for submission by known users")
AUTH_NEEDS_TLS = _refusal("auth-in-clear", 538, "5.7.11", "Signing in needs an encrypted connection: issue STARTTLS first")
AUTH_ALREADY = _refusal("order", 503, "5.5.1", "You are signed in already")
AUTH_MECHANISM = _refusal("auth-mechanism", 504, "5.5.4", "Only PLAIN and LOGIN are offered")
AUTH_SYNTAX = _refusal("auth-syntax", 501, "5.5.2", "The sign-in data cannot be read")
AUTH_CANCELLED = _refusal("auth-cancelled", 501, "5.7.0", "Signing in was cancelled")
AUTH_FAILED = _refusal("auth-failed", 535, "5.7.8", "The username or password is not right")
AUTH_BLOCKED = _refusal("auth-blocked", 421, "4.7.0", "Too many failed sign-ins, please check the password and try again later")

# Addresses
RELAY_DENIED = _refusal(
    "relay-denied", 550, "5.7.1", "Relaying denied: not a domain of this server; sign in, or ask its administrator"
)
TRICK_ADDRESS = _refusal("relay-denied", 550, "5.7.1", "Relaying denied: addresses that name another route are not accepted")
GATEWAY_DISABLED = _refusal(
    "gateway-disabled", 450, "4.3.2", "Mail for this domain is not taken now, please try again later", is_error=False
)
NO_SUCH_USER_HERE = _refusal("own-name", 550, "5.1.1", "There are no mailboxes at this server's own name but postmaster")
NO_POSTMASTER = _refusal(
    "no-postmaster", 451, "4.3.5", "Nobody has been named postmaster of this server yet, please try again later", is_error=False
)
NO_LITERALS = _refusal("literal", 550, "5.1.2", "Mail to address literals is not relayed, please use a domain")
NEEDS_SMTPUTF8 = _refusal("smtputf8", 553, "5.6.7", "This address needs SMTPUTF8 on the MAIL command")

# Content
BARE_LINE_END = _refusal(
    "bare-line-end", 554, "5.6.0", "The message holds a bare CR or LF; lines must end with CR LF (RFC 5321 2.3.8)"
)
NUL = _refusal("nul", 554, "5.6.0", "The message holds a NUL octet, please encode it")
LONG_LINE = _refusal("line-length", 554, "5.6.0", "The message holds a line of more than a million octets, please encode it")
HEADER_TOO_LARGE = _refusal("header-size", 552, "5.3.4", "The header section is larger than 256 KiB")
TOO_MANY_HOPS = _refusal("hops", 554, "5.4.6", "Too many Received fields: the message is in a loop")
OWN_LOOP = _refusal("loop", 554, "5.4.6", "The message has come through this server too often: it is in a loop")
