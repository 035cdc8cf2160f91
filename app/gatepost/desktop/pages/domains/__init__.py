"""The Domains page: which mail leaves by which outbound gateway.

``draft`` holds the rows that are being edited, without Qt; ``table`` shows them; ``editor`` asks for one row or for many;
``view`` is the page.
"""

from .view import DomainsPage

__all__ = ["DomainsPage"]
