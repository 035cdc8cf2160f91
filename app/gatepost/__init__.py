"""Gatepost: a mail gateway and its desktop administration.

Two processes and one contract: the *relay service* (``gatepost.relay``) owns configuration, spool and secrets; the
desktop app (``gatepost.desktop``) and the command line (``gatepost.cli``) are clients of its control API
(``gatepost.control``) and of nothing else. ``gatepost.model`` says what things are and does no I/O.

Begin reading at ``gatepost.__main__`` and ``gatepost.relay.service``.
"""

__version__ = "0.1.0"
