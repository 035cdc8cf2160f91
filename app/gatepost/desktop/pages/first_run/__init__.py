"""First run: from an empty relay to a delivered message in three steps, each of which can be skipped.

``presets`` knows what providers want (no Qt). The steps are ``purpose``, then ``provider`` or ``primary``, then ``test``;
``page`` leads from one to the next.
"""

from .page import FirstRunPage

__all__ = ["FirstRunPage"]
