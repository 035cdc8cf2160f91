"""The relays that a front-end of this account knows: their addresses and pins in a file, their tokens in the vault.

For the command line and the desktop app alike; it belongs to the account, not to a relay. May import ``gatepost.model``,
``gatepost.control.place`` and, in ``keys`` alone, ``gatepost.vault``. Begin with ``book.RelayBook``.
"""
