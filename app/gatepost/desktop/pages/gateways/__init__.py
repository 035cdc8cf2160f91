"""Gateways: the list and the form of one, card by card.

``page`` puts them together. The list is ``list_view`` over ``table``; the form is ``form``, with ``draft`` (what is edited) and
a module for each group of cards. Verify Connection is ``verify_dialog`` over ``stages``.
"""

from .page import GatewaysPage

__all__ = ["GatewaysPage"]
