"""A stored secret goes to the host that it is stored for, and to no other that a draft names.

Trying a draft sends what is stored, and whoever may change a host's name in a form, or was made to mistype it, must not get
a password sent there that nobody typed for it. Saving the draft is the person's word that the gateway is there now.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ..model.errors import Conflict, InvalidInput, Issue
from ..model.gateway import Gateway, OutboundGateway

CODE = "host-changed"
TITLE = "What is stored for one server is not sent to another."


def refuse_another_host(saved: Gateway | None, draft: Gateway) -> None:
    """For trying ``draft`` with the stored password, or sign-in. Raises InvalidInput, and Conflict for a sign-in."""
    if not isinstance(saved, OutboundGateway) or not isinstance(draft, OutboundGateway) or not draft.auth.enabled:
        return
    if _same(saved.host, draft.host):
        return
    if draft.auth.is_oauth:
        raise Conflict(  # there is nothing to type
            f"The stored sign-in is for {saved.host}.",
            "It is not sent to another server.",
            "Save the new server, then verify it.",
        )
    raise InvalidInput([Issue("auth.password", _type_again(saved.host), CODE)], TITLE)


def refuse_another_smartermail(saved: Gateway | None, draft: Gateway) -> None:
    """For signing in at the SmarterMail server of ``draft`` with the stored password. Raises InvalidInput."""
    if saved is None or not saved.smartermail.url:
        return
    known, asked = (urlsplit(gateway.smartermail.url).hostname or "" for gateway in (saved, draft))
    if not _same(known, asked):
        raise InvalidInput([Issue("smartermail.password", _type_again(known), CODE)], TITLE)


def _type_again(host: str) -> str:
    return f"type the password again: the stored one is for {host}"


def _same(one: str, other: str) -> bool:
    return one.casefold().rstrip(".") == other.casefold().rstrip(".")
