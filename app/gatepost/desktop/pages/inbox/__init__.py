"""The Test inbox page: captured mail in its trays, each message taken apart, released or deleted.

``page`` has the list and its actions, ``detail`` one message (its parts in ``parts_view``), ``query`` where the rows come from,
``actions`` what is done with many at once, ``trays`` the chips above, ``empty`` what stands there while nothing was captured.
"""

from .page import InboxPage

__all__ = ["InboxPage"]
