"""A proposal in the making: objects are validated by the models, and what they refuse becomes a line for a person."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..model.access import TrustedNetwork
from ..model.configuration import issues_of
from ..model.domain import DomainMatch, DomainRule
from ..model.gateway import AuthMethod, Encryption, Gateway, OutboundGateway
from ..model.listener import Listener
from ..model.network import parse_address_range
from ..model.secret import Secret
from ..model.settings import Settings
from .proposal import Finding, FindingKind, Part, PartKind, Place, Proposal

_ENCRYPTION_WORDS = {
    Encryption.NONE: "without encryption",
    Encryption.OPPORTUNISTIC: "STARTTLS when offered",
    Encryption.REQUIRED: "STARTTLS required",
    Encryption.IMPLICIT: "TLS from the start",
}
_WAY = "Gateway "
"""Begins the title of an outbound gateway."""


class Draft:
    """Collects parts and findings. Every method that adds a part answers with its key, or None when it was refused."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._parts: dict[str, Part] = {}
        self._findings: list[Finding] = []
        self._wanted: dict[str, None] = {}
        self._secrets: dict[str, Secret] = {}

    def proposal(self) -> Proposal:
        return Proposal(
            self.source, tuple(self._parts.values()), tuple(self._findings), tuple(self._wanted), dict(self._secrets)
        )

    # --- lines ---

    def understood(self, place: Place, text: str) -> None:
        self._note(FindingKind.UNDERSTOOD, place, text)

    def left_out(self, place: Place, text: str) -> None:
        self._note(FindingKind.LEFT_OUT, place, text)

    def decide(self, place: Place, text: str) -> None:
        self._note(FindingKind.DECIDE, place, text)

    def want(self, place: Place, file: str, why: str) -> None:
        """A file that is pointed to and was not given."""
        if file not in self._wanted:
            self._wanted[file] = None
            self.decide(place, f"{why} stand in {file}: give that file, too.")

    def _note(self, kind: FindingKind, place: Place, text: str) -> None:
        finding = Finding(kind, place, _printable(text))
        if finding not in self._findings:
            self._findings.append(finding)

    # --- parts ---

    def gateway(
        self, place: Place, data: dict[str, Any], *, chosen: bool = True, username: str = "", password: Secret | None = None
    ) -> str | None:
        """An outbound or inbound gateway. ``password`` goes to the vault's material, never into the part."""
        identity = (data["mode"], data.get("host"), data.get("port"), data.get("addresses"), username)
        identifier = _identifier("gw", self.source, *identity)
        if username:
            data = {**data, "auth": {"enabled": True, "method": AuthMethod.PASSWORD, "username": username}}
        found = self._validated(Gateway, {"id": identifier, **data}, place, "The gateway")
        if found is None:
            return None
        key = f"gateway:{identifier}"
        if key not in self._parts:
            self._add(Part(key, PartKind.GATEWAY, gateway_title(found), _plain(found), place, chosen))
            if username and password is None:
                self.decide(place, f"The password of {username} at {found.label} has to be typed anew.")
        if password is not None:
            self._secrets[found.password_secret] = password
        return key

    def rule(self, place: Place, domain: str, match: DomainMatch, gateway: str | None, *, chosen: bool = True) -> str | None:
        """A domain row to a gateway's key, or None: directly by MX."""
        route = {"via": "gateway", "gateway": gateway.partition(":")[2]} if gateway else {"via": "direct"}
        identifier = _identifier("dom", match, domain)
        data = {"id": identifier, "domain": domain, "match": match, "route": route}
        found = self._validated(DomainRule, data, place, f"The row of {domain}")
        if found is None:
            return None
        key = f"domain:{identifier}"
        way = f"by {self._parts[gateway].title.removeprefix(_WAY)}" if gateway else "directly, by MX"
        whose = "to" if match is DomainMatch.RECIPIENT else "of"
        title = f"Mail {whose} {found.domain} leaves {way}"
        self._add(Part(key, PartKind.DOMAIN, title, _plain(found), place, chosen, (gateway,) if gateway else ()))
        return key

    def network(self, place: Place, network: str, description: str = "") -> str | None:
        try:
            found_range = parse_address_range(network)
        except ValueError as error:
            self.decide(place, f"This network was not understood: {error}")
            return None
        identifier = _identifier("net", str(found_range.first), str(found_range.last))
        data = {"id": identifier, "network": network, "description": description}
        found = self._validated(TrustedNetwork, data, place, f"The network {network}")
        if found is None:
            return None
        if found.is_world:
            self.decide(place, f"{network} lets (nearly) everyone on the internet send: it is not taken over.")
            return None
        key = f"network:{identifier}"
        if key in self._parts:  # Debian's main.cf names 127.0.0.0/8 once more as an IPv4-mapped network
            return key
        self._add(Part(key, PartKind.NETWORK, f"{network} may send anywhere", _plain(found), place))
        return key

    def listener(self, place: Place, data: dict[str, Any], *, chosen: bool = True) -> str | None:
        identifier = _identifier("ls", data.get("address"), data.get("port"))
        found = self._validated(Listener, {"id": identifier, **data}, place, "The listener")
        if found is None:
            return None
        key = f"listener:{identifier}"
        title = f"Listens on {found.address} port {found.port} ({found.mode.value}, TLS: {found.tls.value})"
        self._add(Part(key, PartKind.LISTENER, title, _plain(found), place, chosen))
        return key

    def setting(
        self, place: Place, path: str, value: Any, words: str, *, chosen: bool = True, needs: tuple[str, ...] = ()
    ) -> str | None:
        """``path`` within the settings, such as ``spool.lifetime_hours``."""
        data: Any = value
        for name in reversed(path.split(".")):
            data = {name: data}
        if self._validated(Settings, data, place, words, relative=f"{path}") is None:
            return None
        key = f"setting:{path}"
        self._add(Part(key, PartKind.SETTING, words, value, place, chosen, needs))
        return key

    def part(self, key: str) -> Part:
        return self._parts[key]

    def replace(self, part: Part) -> None:
        self._parts[part.key] = part

    def _add(self, part: Part) -> None:
        self._parts[part.key] = part
        self.understood(part.place, f"{part.title}.")

    def _validated(self, kind: Any, data: Any, place: Place, what: str, *, relative: str = "") -> Any:
        try:
            return TypeAdapter(kind).validate_python(data)
        except ValidationError as error:
            for issue in issues_of(error, kind):
                field = issue.field.removeprefix(relative).strip(".")
                self.decide(place, f"{what} cannot be taken over as it is: {f'{field}: ' if field else ''}{issue.message}.")
            return None


def gateway_title(gateway: Any) -> str:
    if isinstance(gateway, OutboundGateway):
        host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
        words = f"{_WAY}{host} port {gateway.port}, {_ENCRYPTION_WORDS[gateway.encryption]}"
        return words + (f", signing in as {gateway.auth.username}" if gateway.auth.enabled else "")
    domains = ", ".join(gateway.domains[:5]) + (" …" if len(gateway.domains) > 5 else "")
    return f"Takes mail for {domains} and hands it to {', '.join(gateway.addresses)} port {gateway.port}"


def _identifier(prefix: str, *identity: object) -> str:
    text = "\0".join(str(part) for part in identity)
    return f"{prefix}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _plain(model: Any) -> dict[str, Any]:
    plain: dict[str, Any] = model.model_dump(mode="json")
    return plain


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:600]
