"""The REST interface, below ``<URL>/api/v1/``, as present versions of SmarterMail speak it.

HTTP 200 with ``success: false`` is a failure; ``message`` says why. An access token lives about fifteen minutes; one
token exists for each (user, clientId), so Gatepost uses a clientId of its own and never disturbs another client.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ....model.secret import Secret
from ...common.printable import printable
from .directory import DomainDirectory, SpoolCounts, local_part_of
from .faults import FaultKind, SmarterMailFault, incomplete
from .http import HttpTransport, not_smartermail

CLIENT_ID = "Gatepost"
RENEW_BEFORE_SECONDS = 120
DEFAULT_TOKEN_SECONDS = 15 * 60
PAGE = 1000
MAX_PAGES = 1000
_ALIAS = 4
_MAILING_LIST = 5


@dataclass(frozen=True, slots=True)
class _Token:
    access: str
    refresh: str
    expires_at: float


class RestInterface:
    """One login at one server. Not for use by several tasks at once: the client serialises calls."""

    name = "REST"

    def __init__(self, transport: HttpTransport, username: str, password: Secret, clock: Callable[[], float]) -> None:
        self._http = transport
        self._username = username
        self._password = password
        self._clock = clock
        self._token: _Token | None = None

    async def login(self) -> None:
        status, answer = await self._http.json(
            "POST",
            "api/v1/auth/authenticate-user",
            payload={"username": self._username, "password": self._password.reveal(), "clientId": CLIENT_ID},
        )
        message = str(answer.get("message") or "")
        if message.upper().startswith("TWO_FACTOR_REQUIRED"):
            raise SmarterMailFault(
                FaultKind.TWO_FACTOR,
                "This SmarterMail login asks for a second factor.",
                "Gatepost cannot answer it.",
                "Use a system administrator's login without two-step authentication, limited to this computer's address.",
            )
        if status in (400, 401, 403) or (status == 200 and answer.get("success") is False):
            raise SmarterMailFault(
                FaultKind.CREDENTIALS,
                "SmarterMail refused the login.",
                printable(message, 300) or f"HTTP status {status}.",
                "Type the system administrator's username and password again. Gatepost does not try again by itself, "
                "because repeated failures get this computer's address blocked.",
            )
        if status != 200 or not isinstance(answer.get("accessToken"), str):
            raise not_smartermail(self._http.base_url, status, b"")
        if answer.get("isAdmin") is False:
            raise SmarterMailFault(
                FaultKind.CREDENTIALS,
                "This SmarterMail login is not a system administrator's.",
                f"“{printable(self._username, 100)}” cannot list the domains.",
                "Use a system administrator's login.",
            )
        self._token = self._read_token(answer)

    async def domains(self) -> tuple[str, ...]:
        """Enabled domains, in lower case."""
        try:
            answer = await self._call("GET", "settings/sysadmin/domains")
            rows = _dicts(answer, "data")
            found = [str(row["name"]) for row in rows if row.get("name") and row.get("isEnabled", True)]
        except SmarterMailFault as fault:
            if fault.kind is not FaultKind.REFUSED:
                raise
            answer = await self._call("GET", "settings/sysadmin/domain-names")
            found = [name for name in _list(answer, "data") if isinstance(name, str)]
        return tuple(dict.fromkeys(name.lower() for name in found))

    async def directory(self, domain: str) -> DomainDirectory:
        settings = (await self._call("GET", f"settings/sysadmin/domain-settings/{domain}")).get("domainSettings")
        if not isinstance(settings, dict):
            raise incomplete("domainSettings")
        impersonation = await self._call("POST", f"settings/sysadmin/manage-domain/{domain}", payload={})
        token = impersonation.get("impersonateAccessToken")
        if not isinstance(token, str):
            raise SmarterMailFault(
                FaultKind.REFUSED, f"SmarterMail gave no access to the domain {domain}.", "No impersonation token was sent."
            )
        base = DomainDirectory(
            domain=domain, enabled=bool(settings.get("isEnabled", True)), has_catch_all=bool(settings.get("catchAll"))
        )
        accounts = await self._accounts(base, token)
        users = await self._system_users(domain)
        lists = await self._call("GET", "settings/domain/mailing-lists/list", token=token)
        aliases = await self._call("GET", "settings/domain/domain-aliases", token=token)
        return replace(
            accounts,
            users=(accounts.users | users.users) - accounts.disabled_users - users.disabled_users,
            disabled_users=accounts.disabled_users | users.disabled_users,
            mailing_lists=accounts.mailing_lists
            | _locals((str(row.get("listAddress") or "") for row in _dicts(lists, "items")), domain),
            aliases_of_domain=frozenset(
                str(row["name"]).lower() for row in _dicts(aliases, "domainAliasData") if row.get("name")
            ),
        )

    async def spool_counts(self) -> SpoolCounts:
        answer = await self._call("GET", "settings/sysadmin/spool-message-counts")
        counts = answer.get("counts")
        if not isinstance(counts, dict):
            raise SmarterMailFault(FaultKind.REFUSED, "SmarterMail sent no spool counts.")
        kinds = tuple(
            (str(kind), value) for kind, value in counts.items() if isinstance(value, int) and not isinstance(value, bool)
        )
        return SpoolCounts(sum(value for _, value in kinds), kinds)

    async def _accounts(self, base: DomainDirectory, token: str) -> DomainDirectory:
        users: set[str] = set()
        disabled: set[str] = set()
        aliases: set[str] = set()
        lists: set[str] = set()
        for page in range(MAX_PAGES):
            answer = await self._call(
                "POST",
                "settings/domain/account-list-search",
                payload={
                    "search": "",
                    "searchFlags": ["users", "aliases"],
                    "skip": page * PAGE,
                    "take": PAGE,
                    "sortField": "userName",
                    "sortDescending": False,
                },
                token=token,
            )
            rows = _dicts(answer, "results")
            for row in rows:
                local = local_part_of(str(row.get("emailAddress") or row.get("userName") or ""), base.domain)
                if not local:
                    continue
                kind = row.get("accountType")
                if not row.get("isEnabled", True):
                    disabled.add(local)
                elif kind == _ALIAS:
                    aliases.add(local)
                elif kind == _MAILING_LIST:
                    lists.add(local)
                else:
                    users.add(local)
            if len(rows) < PAGE:
                break
        return replace(
            base,
            users=frozenset(users),
            disabled_users=frozenset(disabled),
            aliases=frozenset(aliases),
            mailing_lists=frozenset(lists),
        )

    async def _system_users(self, domain: str) -> DomainDirectory:
        try:
            rows = _dicts(await self._call("GET", f"settings/sysadmin/list-users/{domain}"), "userData")
        except SmarterMailFault as fault:
            if fault.kind is not FaultKind.REFUSED:
                raise
            older = await self._call("GET", f"settings/sysadmin/list-usernames/{domain}")
            return DomainDirectory(domain, users=_locals((str(name) for name in _list(older, "usernames")), domain))
        users: set[str] = set()
        disabled: set[str] = set()
        for row in rows:
            local = local_part_of(str(row.get("emailAddress") or row.get("userName") or ""), domain)
            flags = row.get("securityFlags")
            is_disabled = isinstance(flags, dict) and bool(flags.get("isDisabled"))
            if local:
                (disabled if is_disabled else users).add(local)
        return DomainDirectory(domain, users=frozenset(users), disabled_users=frozenset(disabled))

    async def _call(
        self, method: str, path: str, *, payload: dict[str, Any] | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """One call with a valid token. A token that died early is renewed once (``token`` is an impersonation's)."""
        for attempt in (1, 2):
            access = token if token is not None else await self._access_token()
            status, answer = await self._http.json(method, f"api/v1/{path}", payload=payload, token=access)
            if status == 401 and token is None and attempt == 1:
                self._token = None
                continue
            if status == 401:
                raise SmarterMailFault(FaultKind.EXPIRED, "SmarterMail does not accept the access token any more.")
            if status != 200 or answer.get("success") is False:
                raise SmarterMailFault(
                    FaultKind.REFUSED,
                    "SmarterMail refused the request.",
                    printable(str(answer.get("message") or f"HTTP status {status}"), 300) + f" (at {path.split('/')[-1]})",
                )
            return answer
        raise AssertionError("unreachable")

    async def _access_token(self) -> str:
        token = self._token
        if token is not None and self._clock() >= token.expires_at - RENEW_BEFORE_SECONDS:
            token = await self._refreshed(token)
        return (token or await self._sign_in()).access

    async def _sign_in(self) -> _Token:
        await self.login()
        if self._token is None:
            raise SmarterMailFault(FaultKind.REFUSED, "SmarterMail gave no access token.")
        return self._token

    async def _refreshed(self, token: _Token) -> _Token | None:
        """The next pair of tokens, or None where the refresh token died too: then a login is due."""
        self._token = None
        status, answer = await self._http.json("POST", "api/v1/auth/refresh-token", payload={"token": token.refresh})
        if status == 200 and answer.get("success") is not False and isinstance(answer.get("accessToken"), str):
            self._token = self._read_token(answer)
        return self._token

    def _read_token(self, answer: dict[str, Any]) -> _Token:
        return _Token(
            access=str(answer["accessToken"]),
            refresh=str(answer.get("refreshToken") or ""),
            expires_at=self._expiry(answer.get("accessTokenExpiration")),
        )

    def _expiry(self, value: object) -> float:
        fallback = self._clock() + DEFAULT_TOKEN_SECONDS
        if not isinstance(value, str):
            return fallback
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            return fallback
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return moment.timestamp()


def _list(answer: dict[str, Any], name: str) -> list[Any]:
    """A list of the answer; null is an empty one. One that is not there says nothing of whoever would be on it."""
    if name not in answer:
        raise incomplete(name)
    value = answer[name]
    return value if isinstance(value, list) else []


def _dicts(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [row for row in _list(answer, name) if isinstance(row, dict)]


def _locals(entries: Iterable[str], domain: str) -> frozenset[str]:
    return frozenset(filter(None, (local_part_of(entry, domain) for entry in entries)))
