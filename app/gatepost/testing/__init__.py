"""For the tests of other programs: a relay that captures all the mail they send, and its inbox to look into.

``plugin`` has the pytest fixtures ``gatepost_relay`` and ``gatepost_inbox``; it is there for every pytest that runs where
Gatepost is installed. ``relay.CapturingRelay`` is the same without pytest, and ``inbox.Inbox`` looks into any relay
whose control socket is known. ``resources/examples/pytest`` shows how they are used.

May import the standard library only: whoever tests a program pays for nothing else, and everything here goes by the documented
control API and command line. Needs Unix sockets, so it runs on Linux and macOS.
"""

from .inbox import Attachment, Inbox, Message, NoMessage
from .relay import CapturingRelay

__all__ = ["Attachment", "CapturingRelay", "Inbox", "Message", "NoMessage"]
