"""A gateway while it is edited: every field of every mode is kept, and what the chosen mode lacks is not sent. No widgets."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from pydantic import BaseModel

from ....model.fields import new_id
from ....model.gateway import (
    PROPOSED_PORT,
    AuthMethod,
    BackupMxGateway,
    CertificateCheck,
    DomainForwardGateway,
    Encryption,
    Gateway,
    GatewayMode,
    RoundRobinGateway,
    SpecificDomainsGateway,
)
from ...forms import FormModel
from .words import INBOUND, OUTBOUND

Plain = dict[str, Any]

_KINDS: dict[str, type[BaseModel]] = {
    GatewayMode.ROUND_ROBIN.value: RoundRobinGateway,
    GatewayMode.SPECIFIC_DOMAINS.value: SpecificDomainsGateway,
    GatewayMode.BACKUP_MX.value: BackupMxGateway,
    GatewayMode.DOMAIN_FORWARD.value: DomainForwardGateway,
}
_BY_DIRECTION = ("encryption", "certificate", "port", "limits")
"""Fields that both directions have, with other defaults: each direction keeps its own."""
_BY_MODE = ("domains",)
"""Fields of one name that mean something else in each mode."""
_KEPT = "_kept"
"""Where the draft keeps those of the modes that are not chosen."""


@cache
def _defaults(mode: str) -> Plain:
    empty: Plain = {"host": ""} if mode in OUTBOUND else {"addresses": ()}
    made: Plain = _KINDS[mode].model_construct(id="gw-0", **empty).model_dump(mode="json")
    made["port"] = proposed_port(made["encryption"], mode)
    return made


def defaults(mode: str) -> Plain:
    """A new gateway of a mode, with an id of its own and nothing typed."""
    return deepcopy(_defaults(mode)) | {"id": new_id("gw")}


def is_outbound(mode: str) -> bool:
    return mode in OUTBOUND


def proposed_port(encryption: str, mode: str) -> int:
    """What choosing an encryption proposes. Between servers, STARTTLS is spoken on port 25 too."""
    chosen = Encryption(encryption)
    if mode in INBOUND and chosen is not Encryption.IMPLICIT:
        return 25
    return PROPOSED_PORT[chosen]


class GatewayDraft(FormModel):
    """``begin`` with what the relay has, or with ``defaults`` of a mode."""

    def __init__(self) -> None:
        self._port_is_typed = False
        super().__init__(Gateway, self._of_mode)

    def begin(self, gateway: Plain, revision: int | None, *, is_new: bool = False) -> None:
        proposal = proposed_port(gateway["encryption"], gateway["mode"])
        self._port_is_typed = not is_new and gateway["port"] != proposal
        self.load(gateway, revision, is_new=is_new)

    def revert(self) -> None:
        self.begin(self.original, self.revision, is_new=self.is_new)

    def _begin(self) -> None:
        """Give the draft the fields of the other modes, as they would begin."""
        for mode in _KINDS if self.original else ():
            for name, value in _defaults(mode).items():
                self.draft.setdefault(name, deepcopy(value))

    @property
    def mode(self) -> str:
        return str(self.draft["mode"])

    @property
    def kind(self) -> type[Any]:
        return _KINDS[self.mode]

    # --- what follows what ---

    def choose_mode(self, mode: str) -> None:
        """Another mode: what was typed for the old one stays in the draft and comes back with it."""
        before = self.mode
        if mode == before:
            return
        kept: Plain = self.draft.setdefault(_KEPT, {})
        self._swap(kept, _BY_MODE, before, mode)
        if is_outbound(before) != is_outbound(mode):
            self._swap(kept, _BY_DIRECTION, _direction(before), _direction(mode))
            self._port_is_typed = False
        self.set("mode", mode)

    def _swap(self, kept: Plain, names: tuple[str, ...], before: str, after: str) -> None:
        for name in names:
            kept[f"{before}.{name}"] = self.draft[name]
            mode = after if after in _KINDS else (OUTBOUND[0] if after == "outbound" else INBOUND[0])
            fallback = deepcopy(_defaults(mode).get(name, []))
            self.draft[name] = kept.pop(f"{after}.{name}", fallback)

    def choose_encryption(self, encryption: str) -> None:
        self.set("encryption", encryption)
        if not self._port_is_typed:
            self.set("port", proposed_port(encryption, self.mode))

    def type_port(self, port: object) -> None:
        """From now on choosing an encryption leaves the port alone."""
        self._port_is_typed = port not in (None, "")
        self.set("port", port)

    # --- on the way to the relay ---

    def _of_mode(self, draft: Plain) -> Plain:
        """The fields that the mode has. Of a part that is switched off, what was typed in it is not sent: as it was before."""
        if "mode" not in draft:
            return draft
        names = _KINDS[draft["mode"]].model_fields
        found = {name: draft[name] for name in names if name in draft}
        for part in ("smartermail", "auth", "spam"):
            if part in found and not found[part].get("enabled"):
                found[part] = self._as_before(part, found["mode"]) | {"enabled": False}
        auth = found.get("auth")
        if auth is not None and auth.get("method") != AuthMethod.OAUTH.value:
            found["auth"] = auth | {"oauth": self._as_before("auth", found["mode"])["oauth"]}
        check = found["certificate"]
        if check.get("check") != CertificateCheck.FINGERPRINT.value:
            found["certificate"] = check | {"fingerprint": self._as_before("certificate", found["mode"]).get("fingerprint")}
        if "verification" in found and not found["verification"].get("use_list"):
            before = self._as_before("verification", found["mode"])
            found["verification"] = found["verification"] | {name: before.get(name) for name in ("addresses", "address_file")}
        return found

    def _as_before(self, part: str, mode: str) -> Plain:
        before: Plain = deepcopy(self.original.get(part) or _defaults(mode)[part])
        return before


def _direction(mode: str) -> str:
    return "outbound" if is_outbound(mode) else "inbound"


def duplicate_of(gateway: Plain) -> Plain:
    """The same once more, disabled so that nobody sends through it by surprise; its passwords are not copied."""
    return deepcopy(gateway) | {"id": new_id("gw"), "enabled": False}
