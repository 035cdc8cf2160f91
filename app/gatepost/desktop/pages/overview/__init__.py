"""How the relay does, at a glance: one sentence, four figures, throughput, gateways, and what needs attention.

``trends`` and ``needs`` work out what is said, without Qt; ``view`` is the page, with a card each in ``attention``,
``throughput`` and ``gateways``; ``words`` has what they say.
"""

from .view import OverviewPage

__all__ = ["OverviewPage"]
