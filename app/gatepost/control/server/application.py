"""Puts the server together: the guard in front, then the route table."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from ..schema import SpoolFigures
from .call import FACADE, MAX_BODY, answer, read_call
from .errors import Handler, tell_errors
from .events import FOLLOWERS, close_followers
from .facade import RelayFacade
from .guard import LOCAL_HOSTS, NOT_OURS, Authenticator, Hosts, guard, peers, refuse_browsers
from .handlers.captured import WAITING, end_waiting
from .metrics import CONTENT_TYPE, metrics_text
from .routes import ROUTES, Route


def make_application(
    facade: RelayFacade,
    authenticators: Iterable[Authenticator] | None = None,
    hosts: Iterable[str] | Hosts = LOCAL_HOSTS,
    *,
    words: tuple[str, str] | None = None,
) -> web.Application:
    """The control API over ``facade``. Without other authenticators, callers are known by their uid on a Unix socket.
    ``words``: detail and hint for who is not let in."""
    checks = [peers()] if authenticators is None else list(authenticators)
    app = web.Application(
        middlewares=[tell_errors, guard(checks, hosts, words=words or (NOT_OURS, ""))], client_max_size=MAX_BODY
    )
    app[FACADE] = facade
    app[FOLLOWERS] = set()
    app[WAITING] = set()
    app.on_shutdown.extend((close_followers, end_waiting))
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _handler(route))
    return app


def make_metrics_application(facade: RelayFacade, hosts: frozenset[str] | None) -> web.Application:
    """For the TCP port of Settings → Metrics port: figures only, readable by whoever reaches the port, nothing else.

    ``hosts``: names by which the port may be called; None: any.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        refuse_browsers(request, hosts)
        return await handler(request)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=(await metrics_text(facade)).encode(), headers={"Content-Type": CONTENT_TYPE})

    async def spool(_request: web.Request) -> web.StreamResponse:
        return await answer(SpoolFigures, await facade.spool.counts())

    app = web.Application(middlewares=[tell_errors, check], client_max_size=1024)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/spool.json", spool)
    return app


def _handler(route: Route) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        call = await read_call(request, route.body, route.query)
        return await answer(route.answer, await route.handler(call))

    return handle
