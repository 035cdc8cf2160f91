"""The SOAP interface, ``<URL>/Services/*.asmx``, as SmarterMail spoke it up to version 15.

Every call carries the administrator's name and password; every result carries ``Result``, ``ResultCode`` and
``Message``. Answers with a document type are refused, so that no entity is ever expanded.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from ....model.secret import Secret
from ...common.printable import printable
from .directory import DomainDirectory, SpoolCounts, local_part_of
from .faults import FaultKind, SmarterMailFault, incomplete
from .http import HttpTransport, not_smartermail

NAMESPACE = "http://tempuri.org/"


class SoapInterface:
    """One login at one server; keeps no state besides it."""

    name = "SOAP"

    def __init__(self, transport: HttpTransport, username: str, password: Secret) -> None:
        self._http = transport
        self._username = username
        self._password = password

    async def login(self) -> None:
        """There is no session: the cheapest call tells whether the credentials are right."""
        await self.domains()

    async def domains(self) -> tuple[str, ...]:
        result = await self._call("svcDomainAdmin", "GetAllDomains")
        return tuple(dict.fromkeys(name.lower() for name in _needed_texts(result, "DomainNames")))

    async def directory(self, domain: str) -> DomainDirectory:
        result = await self._call("svcDomainAdmin", "GetDomainUsers", {"DomainName": domain})
        users = frozenset(filter(None, (local_part_of(name, domain) for name in _needed_texts(result, "Users"))))
        aliases = frozenset(name.lower() for name in _texts(result, "DomainAliases"))
        catch_all = "".join(_texts(result, "CatchAll")) or (_child_text(result, "CatchAll") or "")
        return DomainDirectory(domain, users=users, aliases_of_domain=aliases, has_catch_all=bool(catch_all.strip()))

    async def spool_counts(self) -> SpoolCounts:
        result = await self._call("svcServerAdmin", "GetSpoolMessageCount")
        text = _child_text(result, "messageCount")
        if text is None or not text.strip().isdigit():
            raise SmarterMailFault(FaultKind.REFUSED, "SmarterMail sent no spool count.")
        return SpoolCounts(int(text))

    async def _call(self, service: str, method: str, arguments: dict[str, str] | None = None) -> _Element:
        parameters = {"AuthUserName": self._username, "AuthPassword": self._password.reveal(), **(arguments or {})}
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parameters.items())
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
            f'<{method} xmlns="{NAMESPACE}">{inner}</{method}></soap:Body></soap:Envelope>'
        )
        status, answer = await self._http.request(
            "POST",
            f"Services/{service}.asmx",
            body=body.encode(),
            headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NAMESPACE}{method}"'},
        )
        envelope = _parse(answer)
        result = None if envelope is None else _find(envelope, f"{method}Result")
        if status != 200 or result is None:
            raise not_smartermail(self._http.base_url, status, answer)
        if (_child_text(result, "Result") or "").strip().lower() != "true":
            raise self._refusal(_child_text(result, "Message") or f"result code {_child_text(result, 'ResultCode')}")
        return result

    @staticmethod
    def _refusal(message: str) -> SmarterMailFault:
        words = message.lower()
        if any(sign in words for sign in ("login", "log in", "authenticat", "credential", "password", "permission")):
            return SmarterMailFault(
                FaultKind.CREDENTIALS,
                "SmarterMail refused the login.",
                printable(message, 300),
                "Type the system administrator's username and password again.",
            )
        return SmarterMailFault(FaultKind.REFUSED, "SmarterMail refused the request.", printable(message, 300))


class _Element:
    """The little of XML that the answers need: local names, text, children."""

    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.children: list[_Element] = []


def _parse(document: bytes) -> _Element | None:
    """The root element, or None for what is no plain XML document."""
    from xml.parsers import expat

    parser = expat.ParserCreate(namespace_separator=" ")
    root = _Element("")
    stack = [root]

    def start(name: str, _attributes: dict[str, str]) -> None:
        element = _Element(name.rpartition(" ")[2])
        stack[-1].children.append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def characters(data: str) -> None:
        stack[-1].text += data

    def refuse(*_details: object) -> None:
        raise ValueError("a document type is not allowed")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError):
        return None
    return root


def _find(element: _Element, name: str) -> _Element | None:
    pending = [element]
    while pending:
        current = pending.pop()
        if current.name == name:
            return current
        pending.extend(current.children)
    return None


def _child_text(element: _Element, name: str) -> str | None:
    return next((child.text for child in element.children if child.name == name), None)


def _texts(element: _Element, name: str) -> list[str]:
    """The strings of an array: the text of each child of the child ``name``."""
    array = next((child for child in element.children if child.name == name), None)
    return [] if array is None else [item.text.strip() for item in array.children if item.text.strip()]


def _needed_texts(element: _Element, name: str) -> list[str]:
    """As ``_texts``; an array that is not there says nothing of whoever would be in it."""
    if all(child.name != name for child in element.children):
        raise incomplete(name)
    return _texts(element, name)
