"""Taking mail in: listeners, the SMTP session, who may send what, reading message data.

May import ``model``, ``store`` values and ``relay.common``; never another part of the relay: whoever verifies, inspects and
routes is handed in through ``context.ReceptionContext``. Begin with ``reception.Reception``. A connection's way:

``gate``           how many at once, and from where            ``endpoint``   one listening socket and its clock
``connection``     its beginning, TLS, its end                 ``deadlines``  how long each may take
``lines``          octets to commands                          ``driving``    commands without a task; how they wait
``wire``           input not obeyed yet, replies on their way  ``commands``   EHLO, STARTTLS, AUTH, and the small ones
``transaction``    MAIL, RCPT, DATA, BDAT                      ``acceptance`` from a complete message to its commit
``session``        all of it as one class (aiosmtpd's SMTP)
``parameters``     what MAIL and RCPT may say                  ``admission``  who may send to whom
``data_reader``    where message data ends                     ``content``    what message data may hold
``head``           what the header section says                ``trace``      what is added on top of it
"""

from .context import Inspected, Note, ReceptionContext, RecipientQuestion, RecipientVerdict, Share, Times
from .reception import ListenerState, ListenerStatus, Reception

__all__ = [
    "Inspected",
    "ListenerState",
    "ListenerStatus",
    "Note",
    "Reception",
    "ReceptionContext",
    "RecipientQuestion",
    "RecipientVerdict",
    "Share",
    "Times",
]
