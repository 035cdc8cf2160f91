"""``gatepost gateway sign-in`` and its kin: signing in at a provider by OAuth 2.0, and the doctor for it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import webbrowser
from typing import Any

from ..control.client import Client
from ..control.loopback import LoopbackListener, Redirected, redirected
from ..model.errors import Unavailable
from ..model.gateway import AuthMethod
from ..model.oauth import OAuthFlow, OAuthProvider, grant_name
from ..model.report import OAuthReport, OAuthSignIn, OAuthState
from ..model.secret import Secret
from .output import Out
from .session import read_password

_FIELDS = ("tenant", "client_id", "authorize_url", "token_url", "scope", "secret_expires")


def add_fields(parser: argparse.ArgumentParser) -> None:
    """Of ``gateway add`` and ``gateway edit``."""
    parser.add_argument(
        "--oauth", choices=[one.value for one in OAuthProvider], help="sign in by OAuth 2.0 as --auth-username, not by password"
    )
    parser.add_argument(
        "--oauth-flow",
        choices=[one.value for one in OAuthFlow],
        help="a person signs in, or the application by its secret",
    )
    parser.add_argument("--tenant", help="Microsoft's directory: its id or one of its domains")
    parser.add_argument("--client-id", help="the application's id, as the provider registered it")
    parser.add_argument("--authorize-url", help="where a person signs in, if not the provider's usual place")
    parser.add_argument("--token-url", help="where tokens come from, if not the provider's usual place")
    parser.add_argument("--scope", help="the permission to ask for, if not the provider's usual one")
    parser.add_argument("--secret-expires", help="when the client secret ends, such as 2028-11-01; it is warned of before")
    parser.add_argument(
        "--client-secret-stdin",
        action="store_true",
        help="read the client secret, or a Google service account's key file, from standard input",
    )


def fields(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was given, as a merge patch of ``auth``."""
    oauth = {name: value for name in _FIELDS if (value := getattr(arguments, name)) is not None}
    if arguments.oauth is not None:
        oauth["provider"] = arguments.oauth
    if arguments.oauth_flow is not None:
        oauth["flow"] = arguments.oauth_flow
    found: dict[str, Any] = {"oauth": oauth} if oauth else {}
    if arguments.oauth is not None:
        found |= {"enabled": True, "method": AuthMethod.OAUTH.value}
    return found


def uses_oauth(gateway: dict[str, Any]) -> bool:
    auth = gateway.get("auth") or {}
    return bool(auth.get("enabled")) and auth.get("method") == AuthMethod.OAUTH.value


def read_client_secret(arguments: argparse.Namespace) -> Secret | None:
    """A line; or, where it begins as a service account's key file, all of it."""
    if not arguments.client_secret_stdin:
        return None
    if sys.stdin.isatty():
        return read_password("The client secret", from_stdin=True)
    first = sys.stdin.readline()
    if first.lstrip().startswith("{"):
        return Secret((first + sys.stdin.read()).strip())
    return Secret(first.strip()) if first.strip() else read_password("The client secret", from_stdin=True)


async def can_be_verified(client: Client, gateway: dict[str, Any]) -> bool:
    """A gateway that a person has to sign in to first cannot be verified before."""
    if not uses_oauth(gateway) or (gateway["auth"].get("oauth") or {}).get("flow") == OAuthFlow.APPLICATION.value:
        return True
    name = grant_name(str(gateway.get("id", "")))
    return any(note.name == name for note in await client.secrets())


def configure(actions: Any) -> None:
    signing = actions.add_parser("sign-in", help="sign in by OAuth 2.0, in the browser of this computer or another one")
    signing.add_argument("id")
    signing.add_argument(
        "--no-browser", action="store_true", help="show the address only, and ask for the one that the browser ends up at"
    )
    signing.add_argument("--timeout", type=float, default=600.0, help="seconds to wait for the browser (600)")
    signing.set_defaults(run=sign_in)
    leaving = actions.add_parser("sign-out", help="forget the sign-in by OAuth 2.0")
    leaving.add_argument("id")
    leaving.set_defaults(run=sign_out)
    showing = actions.add_parser("sign-in-status", help="how the sign-in by OAuth 2.0 stands")
    showing.add_argument("id")
    showing.set_defaults(run=status)


async def sign_in(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    gateway = (await client.object("gateways", arguments.id)).value
    provider = ((gateway.get("auth") or {}).get("oauth") or {}).get("provider")
    host = "localhost" if provider == OAuthProvider.MICROSOFT.value else "127.0.0.1"
    async with LoopbackListener(host=host) as listener:
        begun = await client.oauth_begin(arguments.id, listener.redirect_uri)
        found = await (_pasted(begun, out) if arguments.no_browser else _browsed(begun, listener, arguments.timeout, out))
    report = await client.oauth_complete(arguments.id, found)
    _tell(report, out, "Signed in")


async def _browsed(begun: OAuthSignIn, listener: LoopbackListener, seconds: float, out: Out) -> Redirected:
    waiting = asyncio.ensure_future(listener.wait(begun.state, min(seconds, max(1.0, begun.until - time.time()))))
    out.note("Sign in with your browser:")
    out.note(f"  {begun.url}")
    if _has_browser() and not await asyncio.to_thread(webbrowser.open, begun.url):
        out.note("No browser could be opened: open the address yourself, on this computer.")
    try:
        return await waiting
    except TimeoutError:
        raise Unavailable(
            "Nobody came back from the browser.",
            "The sign-in was not completed in time.",
            "Try again; on a computer without a browser: “gatepost gateway sign-in … --no-browser”.",
        ) from None


async def _pasted(begun: OAuthSignIn, out: Out) -> Redirected:
    out.note("Open this address in a browser, on any computer, and sign in:")
    out.note(f"  {begun.url}")
    out.note("The browser then ends up at an address of this computer that it cannot show. Paste that whole address here:")
    return redirected(await asyncio.to_thread(sys.stdin.readline))


def _has_browser() -> bool:
    """A browser with a window: one in this terminal would be in the way."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


async def sign_out(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    _tell(await client.oauth_forget(arguments.id), out, "Signed out")


async def status(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    _tell(await client.oauth_status(arguments.id), out, "")


def _tell(report: OAuthReport, out: Out, done: str) -> None:
    if out.as_json:
        out.json(report)
        return
    if done:
        who = f" as {report.account}" if report.account and report.state is OAuthState.SIGNED_IN else ""
        out.line(f"{done}{who}.")
    out.pairs(status_pairs(report, out))


def status_pairs(report: OAuthReport, out: Out) -> list[tuple[str, str]]:
    found = [("sign-in", report.state.value)]
    if report.account:
        found.append(("account", report.account))
    if report.since is not None:
        found.append(("signed in", out.when(report.since)))
    if report.token_until is not None:
        found.append(("token until", f"{out.when(report.token_until)}, renewed by itself"))
    if report.sign_in_until is not None:
        found.append(("sign-in until", out.when(report.sign_in_until)))
    found.append(("client secret", "stored" if report.has_secret else "none stored"))
    found += [("", text) for text in (report.problem, report.hint) if text]
    return found
