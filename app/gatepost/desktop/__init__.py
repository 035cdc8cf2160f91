"""The desktop app: a window on a relay, for people.

A client of the control API (``gatepost.control.client``, with its ``schema`` and ``connection``) and of ``gatepost.model``;
it imports nothing else of Gatepost's, and nothing imports it. Only here may PySide6 and qasync be imported.

Begin with ``application`` (start, loop, end, one funnel for errors), then ``context.AppContext`` (what every page is given),
``session.RelaySession`` (the relay as the window sees it) and ``pages.page.Page`` (what a page is).

The window is shown before anything heavy is imported: modules that every start loads (this package's own, ``frame``,
``session``) import the control client and the models only where they are used.
"""

from .feature_check import spare_sources

spare_sources()
