"""Remote administration: how it stands, its certificate, its tokens."""

from __future__ import annotations

from typing import Any

from ... import schema
from ..call import Call


async def report(call: Call) -> Any:
    return await call.facade.remote.report()


async def renew_certificate(call: Call) -> schema.Done:
    await call.facade.remote.renew_certificate()
    return schema.Done()


async def tokens(call: Call) -> Any:
    return list(await call.facade.remote.tokens())


async def make_token(call: Call) -> schema.NewToken:
    made, secret = await call.facade.remote.make_token(call.body.name, call.author)
    return schema.NewToken(token=made, secret=secret.reveal())


async def revoke_token(call: Call) -> schema.Done:
    await call.facade.remote.revoke_token(call.part("id"), call.author)
    return schema.Done()
