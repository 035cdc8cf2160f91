"""Failures of the API itself, and how any failure is told to a client."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from ...model.errors import GatepostError, InvalidInput
from ...relay.common.printable import printable
from ..schema import ErrorBody, ErrorReply, IssueBody

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BadRequest(GatepostError):
    """The request itself cannot be understood."""

    code = "bad-request"


class Forbidden(GatepostError):
    status = 403
    code = "forbidden"


class Unauthorised(GatepostError):
    status = 401
    code = "unauthorised"


class UnsupportedType(GatepostError):
    status = 415
    code = "unsupported-media-type"


_HTTP_WORDS = {
    404: ("not-found", "There is no such resource."),
    405: ("method-not-allowed", "This resource cannot be used with this method."),
    413: ("too-large", "The request is too large."),
}


def error_body(error: BaseException) -> tuple[int, ErrorBody]:
    """Status and body for an exception. What nobody expected gets a reference and a line in the log, and no internals."""
    if isinstance(error, GatepostError):
        issues = tuple(IssueBody.model_validate(issue) for issue in error.issues) if isinstance(error, InvalidInput) else ()
        return error.status, ErrorBody(code=error.code, title=error.title, detail=error.detail, hint=error.hint, issues=issues)
    if isinstance(error, web.HTTPException):
        code, title = _HTTP_WORDS.get(error.status, ("bad-request", "The request was refused."))
        return error.status, ErrorBody(code=code, title=title)
    reference = secrets.token_hex(4)
    log.error("unexpected failure %s in the control API", reference, exc_info=error)
    return 500, ErrorBody(
        code="internal",
        title="Something went wrong inside the relay.",
        hint=f"Its log names the cause under {reference}.",
        reference=reference,
    )


def error_response(error: BaseException) -> web.Response:
    status, body = error_body(error)
    return web.Response(
        status=status, text=ErrorReply(error=body).model_dump_json(), content_type="application/json", charset="utf-8"
    )


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost middleware: whatever is raised becomes an answer."""
    try:
        return await handler(request)
    except (GatepostError, web.HTTPException) as error:
        if isinstance(error, Forbidden | Unauthorised):
            log.warning("refused %s %s: %s", request.method, printable(request.path, 200), error.title)
        return error_response(error)
    except ConnectionError:
        raise  # the client is gone: nobody is left to be told
    except Exception as error:
        return error_response(error)
