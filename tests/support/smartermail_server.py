"""A stand-in for a SmarterMail server, REST and SOAP, with just the fields that public clients of both rely on.

There is no public SmarterMail server to test with. Faults can be switched on: redirects, HTML, hanging, endless answers.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from aiohttp import web

NAMESPACE = "http://tempuri.org/"


@dataclass
class StandInDomain:
    users: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    domain_aliases: list[str] = field(default_factory=list)
    catch_all: str = ""
    enabled: bool = True


class SmarterMailStandIn:
    """``async with SmarterMailStandIn(...) as server``: ``server.url`` is the webmail's address on loopback."""

    def __init__(
        self,
        domains: dict[str, StandInDomain],
        *,
        rest: bool = True,
        soap: bool = True,
        password: str = "right",
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.domains = domains
        self.rest = rest
        self.soap = soap
        self.password = password
        self.logins = 0
        self.refreshes = 0
        self.calls: list[str] = []
        self.tokens: set[str] = set()
        self.token_seconds = 900.0
        self.two_factor = False
        self.is_admin = True
        self.fault: Callable[[web.Request], Any] | None = None
        self.older_user_list = False
        self.unreadable: set[str] = set()
        """Domains whose calls are refused."""
        self.renamed = ""
        """A field that answers name otherwise, as another version may."""
        self._clock = clock
        self._refresh_tokens: set[str] = set()
        self._serial = 0
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> SmarterMailStandIn:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        if self.fault is not None:
            return await self.fault(request)
        if request.path.startswith("/api/v1/") and self.rest:
            return self._as_named(await self._rest(request, request.path.removeprefix("/api/v1/")))
        if request.path.startswith("/Services/") and self.soap:
            return self._as_named(await self._soap(request))
        return web.Response(status=404, text="<!DOCTYPE html><html>Not found</html>", content_type="text/html")

    def _as_named(self, response: web.StreamResponse) -> web.StreamResponse:
        if self.renamed and isinstance(response, web.Response) and response.text is not None:
            for before in (f'"{self.renamed}"', f"<{self.renamed}>", f"</{self.renamed}>"):
                response.text = response.text.replace(before, before.replace(self.renamed, f"{self.renamed}2"))
        return response

    def _issue(self) -> dict[str, Any]:
        self._serial += 1
        access, refresh = f"access-{self._serial}", f"refresh-{self._serial}"
        self.tokens = {access}
        self._refresh_tokens = {refresh}
        answer: dict[str, Any] = {"accessToken": access, "refreshToken": refresh, "isAdmin": self.is_admin, "success": True}
        if self._clock is not None:
            moment = datetime.datetime.fromtimestamp(self._clock() + self.token_seconds, datetime.UTC)
            answer["accessTokenExpiration"] = moment.isoformat().replace("+00:00", "Z")
        return answer

    async def _rest(self, request: web.Request, path: str) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else {}
        if path == "auth/authenticate-user":
            self.logins += 1
            if self.two_factor:
                return web.json_response({"success": False, "message": "TWO_FACTOR_REQUIRED_SETUP"}, status=400)
            if body["password"] != self.password:
                return web.json_response({"success": False, "message": "Invalid credentials"}, status=400)
            return web.json_response(self._issue())
        if path == "auth/refresh-token":
            self.refreshes += 1
            if body["token"] not in self._refresh_tokens:
                return web.json_response({"success": False, "message": "unknown token"}, status=400)
            return web.json_response(self._issue())
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token.startswith("impersonate:"):
            return self._domain_call(request, path, token.removeprefix("impersonate:"), body)
        if token not in self.tokens:
            return web.json_response({"message": "expired"}, status=401)
        return self._administrator_call(path)

    def _administrator_call(self, path: str) -> web.StreamResponse:
        if path == "settings/sysadmin/domains":
            rows = [{"name": name, "isEnabled": found.enabled} for name, found in self.domains.items()]
            return web.json_response({"success": True, "data": rows})
        if path == "settings/sysadmin/domain-names":
            return web.json_response({"success": True, "data": list(self.domains)})
        if path == "settings/sysadmin/spool-message-counts":
            return web.json_response({"success": True, "counts": {"default": 3, "waiting": 4, "virus": 0, "spam": 1}})
        call, _, name = path.rpartition("/")
        if name not in self.domains or name in self.unreadable:
            return web.json_response({"success": False, "message": "DOMAIN_NOT_FOUND"})
        found = self.domains[name]
        if call == "settings/sysadmin/domain-settings":
            settings = {"isEnabled": found.enabled, "catchAll": found.catch_all}
            return web.json_response({"success": True, "domainSettings": settings})
        if call == "settings/sysadmin/manage-domain":
            return web.json_response({"success": True, "impersonateAccessToken": f"impersonate:{name}"})
        if call == "settings/sysadmin/list-users" and not self.older_user_list:
            rows = [
                {"emailAddress": f"{user}@{name}", "userName": user, "securityFlags": {"isDisabled": user in found.disabled}}
                for user in (*found.users, *found.disabled)
            ]
            return web.json_response({"success": True, "userData": rows})
        if call == "settings/sysadmin/list-usernames":
            return web.json_response({"success": True, "usernames": found.users})
        return web.json_response({"success": False, "message": "NOT_FOUND"})

    def _domain_call(self, request: web.Request, path: str, name: str, body: dict[str, Any]) -> web.StreamResponse:
        found = self.domains[name]
        if path == "settings/domain/account-list-search":
            kinds = [*((u, 0) for u in found.users), *((a, 4) for a in found.aliases), *((d, 0) for d in found.disabled)]
            rows = [
                {
                    "emailAddress": f"{local}@{name}",
                    "userName": local,
                    "isEnabled": local not in found.disabled,
                    "accountType": k,
                }
                for local, k in sorted(kinds)
            ]
            return web.json_response({"success": True, "results": rows[body["skip"] : body["skip"] + body["take"]]})
        if path == "settings/domain/domain-aliases":
            return web.json_response({"success": True, "domainAliasData": [{"name": alias} for alias in found.domain_aliases]})
        if path == "settings/domain/mailing-lists/list":
            return web.json_response({"success": True, "items": [{"listAddress": entry} for entry in found.lists]})
        return web.json_response({"success": False, "message": "NOT_FOUND"})

    async def _soap(self, request: web.Request) -> web.StreamResponse:
        root = ElementTree.fromstring(await request.read())
        call = root[0][0]
        method = call.tag.removeprefix("{" + NAMESPACE + "}")
        arguments = {child.tag.removeprefix("{" + NAMESPACE + "}"): child.text or "" for child in call}
        if arguments["AuthPassword"] != self.password:
            inner = "<Result>false</Result><ResultCode>-1</ResultCode><Message>Invalid login credentials</Message>"
        elif method == "GetAllDomains":
            names = "".join(f"<string>{name}</string>" for name in self.domains)
            inner = f"<Result>true</Result><ResultCode>0</ResultCode><DomainNames>{names}</DomainNames>"
        elif method == "GetDomainUsers" and arguments["DomainName"] in self.domains:
            found = self.domains[arguments["DomainName"]]
            users = "".join(f"<string>{user}@{arguments['DomainName']}</string>" for user in found.users)
            aliases = "".join(f"<string>{alias}</string>" for alias in found.domain_aliases)
            inner = (
                f"<Result>true</Result><ResultCode>0</ResultCode><Users>{users}</Users>"
                f"<DomainAliases>{aliases}</DomainAliases><CatchAll>{found.catch_all}</CatchAll>"
            )
        elif method == "GetSpoolMessageCount":
            inner = "<Result>true</Result><ResultCode>0</ResultCode><messageCount>17</messageCount>"
        else:
            inner = "<Result>false</Result><ResultCode>-2</ResultCode><Message>Domain not found</Message>"
        text = (
            '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
            f'<soap:Body><{method}Response xmlns="{NAMESPACE}"><{method}Result>{inner}</{method}Result></{method}Response>'
            "</soap:Body></soap:Envelope>"
        )
        return web.Response(text=text, content_type="text/xml")


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError("nobody waits that long")


async def html(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<!DOCTYPE html><html><body>Welcome</body></html>", content_type="text/html")


async def success_false(_: web.Request) -> web.StreamResponse:
    return web.json_response({"success": False, "message": "Something is wrong"})


async def huge(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(800):
        await response.write(b"x" * 65_536)
    return response


def redirect_to(location: str) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    return answer
