"""The relay itself: state, commands, figures, secrets, Verify Connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, cast

from aiohttp import web
from pydantic import Field, TypeAdapter, ValidationError

from .... import __version__
from ....model.configuration import issues_of
from ....model.errors import InvalidInput, Issue
from ....model.fields import Model
from ....model.gateway import Gateway
from ....model.report import API_VERSION, SmarterMailReport, StageState, Total, VerifyStage
from ....model.secret import Secret
from ... import schema
from ..call import Call, Handler
from ..errors import error_body
from ..facade import RelayFacade
from ..metrics import CONTENT_TYPE, metrics_text

log = logging.getLogger(__name__)

SECRET_NAME = re.compile(r"gateway/[a-z0-9][a-z0-9-]{0,39}/(password|smartermail|client-secret)\Z")
"""Also for a gateway that does not exist yet, so that its password can be there before its first attempt."""
SIGN_IN_NAME = re.compile(r"gateway/[a-z0-9][a-z0-9-]{0,39}/sign-in\Z")
"""What a sign-in by OAuth left: it comes from the provider alone, and can be forgotten."""
_GATEWAY: TypeAdapter[Gateway] = TypeAdapter(Gateway)
_GONE_CHECK_SECONDS = 0.25


class HistoryQuery(Model):
    minutes: int = Field(default=60, ge=1, le=8 * 24 * 60)
    step: int = Field(default=1, ge=1, le=24 * 60)
    """Minutes that are summed up; they begin at its multiples since the epoch."""


async def version(_call: Call) -> schema.Version:
    return schema.Version(version=__version__, api_version=API_VERSION)


async def status(call: Call) -> schema.Status:
    return await status_of(call.facade)


async def status_of(facade: RelayFacade) -> schema.Status:
    return schema.Status(relay=await facade.report(), spool=schema.SpoolFigures.model_validate(await facade.spool.counts()))


def _command(run: Callable[[RelayFacade], Coroutine[Any, Any, None]], words: str) -> Handler:
    async def handle(call: Call) -> schema.Done:
        log.info("%s by %s", words, call.author)
        await run(call.facade)
        return schema.Done()

    return handle


COMMANDS: dict[str, Handler] = {
    "start": _command(lambda facade: facade.start(), "mail started"),
    "stop": _command(lambda facade: facade.stop(), "mail stopped"),
    "pause": _command(lambda facade: facade.pause_delivery(), "delivery paused"),
    "resume": _command(lambda facade: facade.resume_delivery(), "delivery resumed"),
    "shut-down": _command(lambda facade: facade.shut_down(), "relay shut down"),
}


async def gateways(call: Call) -> Any:
    return await call.facade.gateways()


async def health(call: Call) -> Any:
    return await call.facade.health()


async def alarms(call: Call) -> Any:
    return await call.facade.alarms()


async def test_alarm(call: Call) -> Any:
    return schema.AlarmTest(queue_ids=tuple(await call.facade.test_alarm()))


async def totals(call: Call) -> tuple[Total, ...]:
    return await totals_of(call.facade)


async def totals_of(facade: RelayFacade) -> tuple[Total, ...]:
    return tuple(Total(name, label, value) for (name, label), value in sorted((await facade.totals()).items()))


async def history(call: Call) -> Any:
    return await call.facade.history(call.query.minutes, call.query.step)


async def metrics(call: Call) -> web.Response:
    text = await metrics_text(call.facade)
    return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})


async def renew_vault_key(call: Call) -> Any:
    return schema.Renewed(count=await call.facade.renew_vault_key())


async def vault(call: Call) -> Any:
    return await call.facade.vault()


async def certificates(call: Call) -> Any:
    return await call.facade.certificates()


async def inspect_certificate(call: Call) -> Any:
    request: schema.CertificateRequest = call.body
    return await call.facade.inspect_certificate(request.certificate_file, request.key_file)


async def secrets(call: Call) -> Any:
    return await call.facade.secrets()


async def set_secret(call: Call) -> schema.Done:
    await call.facade.set_secret(_secret_name(call), Secret(call.body.secret.get_secret_value()))
    return schema.Done()


async def delete_secret(call: Call) -> schema.Done:
    name = call.part("name")
    await call.facade.delete_secret(name if SIGN_IN_NAME.match(name) else _secret_name(call))
    return schema.Done()


def _secret_name(call: Call) -> str:
    name = call.part("name")
    if not SECRET_NAME.match(name):
        names = "secrets are named gateway/<id>/password, gateway/<id>/smartermail or gateway/<id>/client-secret"
        raise InvalidInput([Issue("name", names)])
    return name


async def verify(call: Call) -> web.StreamResponse:
    """Stages as lines of JSON, each sent when it ends. A client that hangs up ends the probe."""
    gateway, password = _draft(call.body)
    return await tell_stages(call, call.facade.verify_gateway(gateway, password))


async def tell_stages(call: Call, found: AsyncIterator[VerifyStage]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
    await response.prepare(call.request)
    passed = True
    stages = cast(AsyncGenerator[VerifyStage], found)
    with contextlib.suppress(ConnectionError):
        try:
            async with contextlib.aclosing(stages):
                async for stage in _while_connected(call.request, stages):
                    passed = passed and stage.state is not StageState.FAILED
                    await _write_line(response, schema.VerifyLine(stage=stage))
            await _write_line(response, schema.VerifyLine(passed=passed))
        except ConnectionError:
            raise
        except Exception as error:  # the status line has been sent: the error travels as the last line
            await _write_line(response, schema.VerifyLine(error=error_body(error)[1]))
        await response.write_eof()
    return response


def _draft(request: schema.VerifyRequest) -> tuple[Gateway, Secret | None]:
    """A gateway as it would be saved, and the password that was typed for it. Raises InvalidInput."""
    gateway = gateway_of(request.gateway)
    return gateway, Secret(request.password.get_secret_value()) if request.password else None


def gateway_of(data: dict[str, Any]) -> Gateway:
    """Raises InvalidInput."""
    try:
        return _GATEWAY.validate_python(data)
    except ValidationError as error:
        raise InvalidInput(issues_of(error)) from error


async def test_smartermail(call: Call) -> SmarterMailReport:
    gateway, password = _draft(call.body)
    if not gateway.smartermail.enabled:
        raise InvalidInput([Issue("gateway.smartermail.enabled", "the SmarterMail Gateway card is switched off")])
    return await call.facade.test_smartermail(gateway, password)


async def _while_connected(request: web.Request, stages: AsyncGenerator[VerifyStage]) -> AsyncIterator[VerifyStage]:
    while True:
        step = asyncio.ensure_future(anext(stages))
        try:
            while not (await asyncio.wait({step}, timeout=_GONE_CHECK_SECONDS))[0]:
                if request.transport is None or request.transport.is_closing():
                    raise ConnectionResetError("the client hung up")
            yield step.result()
        except StopAsyncIteration:
            return
        finally:
            if not step.done():
                step.cancel()
                await asyncio.gather(step, return_exceptions=True)


async def _write_line(response: web.StreamResponse, line: schema.VerifyLine) -> None:
    await response.write(line.model_dump_json(exclude_none=True).encode() + b"\n")
