"""A front-end's side of the control API: finds the relay of a data folder and speaks to it.

``Client.connect(data_folder)`` raises ``NotRunning`` or ``OtherVersion`` in words for people. Methods mirror the
resources. Objects of the configuration travel as plain data, as forms and the command line edit them; everything else comes
as the values of ``model.report`` and ``schema``. What the relay refuses is raised as the ``GatepostError`` that it named.
Calls about messages are in ``mail_calls``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ..model.errors import Unavailable
from ..model.remote import RemoteReport, TokenReport
from ..model.report import (
    AlarmReport,
    CertificateReport,
    DkimCheck,
    GatewayReport,
    MinuteFigures,
    OAuthReport,
    OAuthSignIn,
    Revision,
    SecretReport,
    SmarterMailReport,
    Total,
    VaultReport,
    VerifyStage,
)
from ..model.secret import Secret
from . import import_schema, schema
from .connection import (
    Endpoint,
    Plain,
    RemoteError,
    Tagged,
    decoded,
    error_of,
    has_service,
    quoted,
    read_endpoint,
)
from .loopback import Redirected, for_browser
from .mail_calls import MailCalls
from .place import Local, NotAllowed, NotRunning, OtherVersion, Place, Remote, Service

__all__ = [
    "Client",
    "Endpoint",
    "Local",
    "Lost",
    "Message",
    "NotAllowed",
    "NotRunning",
    "OtherVersion",
    "Place",
    "Plain",
    "Remote",
    "RemoteError",
    "Service",
    "Tagged",
    "has_service",
    "read_endpoint",
]

_MAX_EVENT = 16 * 1024 * 1024
_RECONNECT_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Lost:
    """The event stream broke; it is being connected again, and a snapshot will follow."""

    reason: str


Message = schema.Snapshot | schema.EventMessage | Lost


class Client(MailCalls):
    """One connection pool to one relay. Close it, or use it as an asynchronous context manager."""

    # --- the relay ---

    async def status(self) -> schema.Status:
        return await self.get("v1/status", schema.Status)

    async def start(self) -> None:
        await self.call("POST", "v1/start", {})

    async def stop(self) -> None:
        await self.call("POST", "v1/stop", {})

    async def pause(self) -> None:
        await self.call("POST", "v1/pause", {})

    async def resume(self) -> None:
        await self.call("POST", "v1/resume", {})

    async def shut_down(self) -> None:
        await self.call("POST", "v1/shut-down", {})

    # --- remote administration ---

    async def remote(self) -> RemoteReport:
        return await self.get("v1/remote", RemoteReport)

    async def renew_remote_certificate(self) -> None:
        await self.call("POST", "v1/remote/renew-certificate", {})

    async def tokens(self) -> tuple[TokenReport, ...]:
        return await self.get("v1/tokens", tuple[TokenReport, ...])

    async def make_token(self, name: str) -> tuple[TokenReport, Secret]:
        """A new token. This is the only time that it is shown."""
        made = await self.post("v1/tokens", schema.TokenRequest(name=name), schema.NewToken)
        return made.token, Secret(made.secret)

    async def revoke_token(self, token_id: str) -> None:
        await self.call("DELETE", f"v1/tokens/{quoted(token_id)}")

    # --- figures ---

    async def gateway_reports(self) -> tuple[GatewayReport, ...]:
        return await self.get("v1/gateway-reports", tuple[GatewayReport, ...])

    async def alarms(self) -> tuple[AlarmReport, ...]:
        return await self.get("v1/alarms", tuple[AlarmReport, ...])

    async def test_alarm(self) -> tuple[str, ...]:
        raw, _ = await self.call("POST", "v1/alarms/test", {})
        return schema.AlarmTest.model_validate_json(raw).queue_ids

    async def health(self) -> tuple[schema.HopHealthBody, ...]:
        return await self.get("v1/health", tuple[schema.HopHealthBody, ...])

    async def totals(self) -> tuple[Total, ...]:
        return await self.get("v1/totals", tuple[Total, ...])

    async def history(self, minutes: int = 60, step: int = 1) -> tuple[MinuteFigures, ...]:
        """Sums for ``step`` minutes each, oldest first; those in which nothing happened are left out."""
        return await self.get("v1/history", tuple[MinuteFigures, ...], {"minutes": minutes, "step": step})

    async def metrics(self) -> str:
        body, _ = await self.call("GET", "metrics")
        return body.decode()

    async def openapi(self) -> Plain:
        return await self.get("v1/openapi.json", Plain)

    # --- configuration ---

    async def configuration(self) -> Tagged:
        return await self.tagged("v1/configuration")

    async def replace_configuration(self, data: Plain, **options: Any) -> schema.SavedDifferences:
        return await self.change("PUT", "v1/configuration", data, schema.SavedDifferences, **options)

    async def patch_configuration(self, change: Plain, **options: Any) -> schema.SavedDifferences:
        return await self.change("PATCH", "v1/configuration", change, schema.SavedDifferences, **options)

    async def objects(self, collection: str) -> Tagged:
        """All of a collection: ``gateways``, ``domains``, ``listeners``, ``trusted-networks``, ``users``, ``dkim-keys``,
        ``trays``, ``faults``."""
        return await self.tagged(f"v1/{collection}")

    async def object(self, collection: str, identifier: str) -> Tagged:
        return await self.tagged(f"v1/{collection}/{quoted(identifier)}")

    async def add(self, collection: str, data: Plain, **options: Any) -> schema.Saved:
        """``options`` of every change: ``revision`` it was made for (else the newest), ``dry_run``, ``note``."""
        return await self.change("POST", f"v1/{collection}", data, schema.Saved, **options)

    async def replace(self, collection: str, identifier: str, data: Plain, **options: Any) -> schema.Saved:
        return await self.change("PUT", f"v1/{collection}/{quoted(identifier)}", data, schema.Saved, **options)

    async def patch(self, collection: str, identifier: str, change: Plain, **options: Any) -> schema.Saved:
        return await self.change("PATCH", f"v1/{collection}/{quoted(identifier)}", change, schema.Saved, **options)

    async def patch_many(self, collection: str, changes: Plain, **options: Any) -> schema.Saved:
        """Patches by id, None removes; all or nothing."""
        return await self.change("PATCH", f"v1/{collection}", changes, schema.Saved, **options)

    async def remove(self, collection: str, identifier: str, **options: Any) -> schema.Saved:
        return await self.change("DELETE", f"v1/{collection}/{quoted(identifier)}", None, schema.Saved, **options)

    async def move(self, collection: str, identifier: str, position: int, **options: Any) -> schema.Saved:
        body = {"position": position}
        return await self.change("POST", f"v1/{collection}/{quoted(identifier)}/move", body, schema.Saved, **options)

    async def set_user_password(self, identifier: str, password: Secret, **options: Any) -> schema.Saved:
        body = {"password": password.reveal()}
        return await self.change("PUT", f"v1/users/{quoted(identifier)}/password", body, schema.Saved, **options)

    async def section(self, name: str) -> Tagged:
        """``settings``, ``spam``, ``virus`` or ``inbox``."""
        return await self.tagged(f"v1/{name}")

    async def replace_section(self, name: str, data: Plain, **options: Any) -> schema.Saved:
        return await self.change("PUT", f"v1/{name}", data, schema.Saved, **options)

    async def patch_section(self, name: str, change: Plain, **options: Any) -> schema.Saved:
        return await self.change("PATCH", f"v1/{name}", change, schema.Saved, **options)

    async def export(self) -> Plain:
        return await self.get("v1/export", Plain)

    async def import_document(self, document: Plain, **options: Any) -> schema.SavedDifferences:
        body = {"document": document}
        return await self.change("POST", "v1/import", body, schema.SavedDifferences, **options)

    async def preview_import(self, kind: str, files: Sequence[tuple[str, str]]) -> import_schema.ImportProposal:
        """``files``: (name, text) of each. Nothing is saved."""
        raw, _ = await self.call("POST", f"v1/import/{kind}/preview", {"files": _files(files)})
        return import_schema.ImportProposal.model_validate_json(raw)

    async def import_from(
        self, kind: str, files: Sequence[tuple[str, str]], parts: Sequence[str] | None = None, **options: Any
    ) -> schema.SavedDifferences:
        body = {"files": _files(files), "parts": parts}
        return await self.change("POST", f"v1/import/{kind}", body, schema.SavedDifferences, **options)

    async def revisions(self, limit: int = 100, before: int | None = None) -> tuple[Revision, ...]:
        return await self.get("v1/revisions", tuple[Revision, ...], {"limit": limit, "before": before})

    async def revision(self, number: int) -> Plain:
        return await self.get(f"v1/revisions/{number}", Plain)

    async def difference(self, number: int, to: int | None = None) -> tuple[schema.Difference, ...]:
        return await self.get(f"v1/revisions/{number}/difference", tuple[schema.Difference, ...], {"to": to})

    async def restore(self, number: int, **options: Any) -> schema.SavedDifferences:
        return await self.change("POST", f"v1/revisions/{number}/restore", {}, schema.SavedDifferences, **options)

    # --- certificates ---

    async def certificates(self) -> tuple[CertificateReport, ...]:
        """Of every listener that has TLS."""
        return await self.get("v1/certificates", tuple[CertificateReport, ...])

    async def inspect_certificate(self, certificate_file: str, key_file: str) -> CertificateReport:
        """Of files on the relay's machine."""
        request = schema.CertificateRequest(certificate_file=certificate_file, key_file=key_file)
        return await self.post("v1/certificates/inspect", request, CertificateReport)

    # --- DKIM ---

    async def check_dkim_key(self, identifier: str) -> DkimCheck:
        """Compare a key with what DNS publishes. Keys are made by ``add("dkim-keys", …)`` with domain and selector."""
        return await self.get(f"v1/dkim-keys/{quoted(identifier)}/check", DkimCheck)

    # --- secrets ---

    async def vault(self) -> VaultReport:
        return await self.get("v1/vault", VaultReport)

    async def renew_vault_key(self) -> int:
        raw, _ = await self.call("POST", "v1/vault/renew-key", {})
        return schema.Renewed.model_validate_json(raw).count

    async def secrets(self) -> tuple[SecretReport, ...]:
        return await self.get("v1/secrets", tuple[SecretReport, ...])

    async def set_secret(self, name: str, secret: Secret) -> None:
        await self.call("PUT", f"v1/secrets/{quoted(name)}", {"secret": secret.reveal()})

    async def delete_secret(self, name: str) -> None:
        await self.call("DELETE", f"v1/secrets/{quoted(name)}")

    async def verify(self, gateway: Plain, password: Secret | None = None) -> AsyncIterator[VerifyStage]:
        """Stages as they end. Leaving the iteration ends the probe. Raises what ended it early."""
        body = {"gateway": gateway, "password": password.reveal() if password else None}
        async with aclosing(self._stages("v1/verify", body)) as stages:
            async for stage in stages:
                yield stage

    async def _stages(self, path: str, body: Plain) -> AsyncGenerator[VerifyStage]:
        async with self.request("POST", path, body) as response:
            async for line in response.content:
                part = schema.VerifyLine.model_validate_json(line)
                if part.error is not None:
                    raise error_of(500, part.error)
                if part.stage is not None:
                    yield part.stage
                if part.passed is not None:
                    return
        raise Unavailable("The verification ended early.", "The relay closed the connection.", "Try again.")

    # --- signing in by OAuth 2.0 ---

    async def oauth_status(self, identifier: str) -> OAuthReport:
        return await self.get(f"v1/gateways/{quoted(identifier)}/oauth", OAuthReport)

    async def oauth_begin(
        self, identifier: str, redirect_uri: str, gateway: Plain | None = None, client_secret: Secret | None = None
    ) -> OAuthSignIn:
        """``gateway`` as it would be saved; without it the one in force. The caller listens at ``redirect_uri``."""
        body = {
            "redirect_uri": redirect_uri,
            "gateway": gateway,
            "client_secret": client_secret.reveal() if client_secret else None,
        }
        raw, _ = await self.call("POST", f"v1/gateways/{quoted(identifier)}/oauth/begin", body)
        begun = decoded(OAuthSignIn, raw)
        for_browser(begun.url)
        return begun

    async def oauth_complete(self, identifier: str, found: Redirected) -> OAuthReport:
        body = {
            "state": found.state, "code": found.code.reveal(), "error": found.error, "error_description": found.description,
        }  # fmt: skip
        raw, _ = await self.call("POST", f"v1/gateways/{quoted(identifier)}/oauth/complete", body)
        return decoded(OAuthReport, raw)

    async def oauth_forget(self, identifier: str) -> OAuthReport:
        raw, _ = await self.call("DELETE", f"v1/gateways/{quoted(identifier)}/oauth")
        return decoded(OAuthReport, raw)

    async def oauth_doctor(
        self, identifier: str, gateway: Plain | None = None, client_secret: Secret | None = None
    ) -> AsyncIterator[VerifyStage]:
        """As ``verify``."""
        body = {"gateway": gateway, "client_secret": client_secret.reveal() if client_secret else None}
        async with aclosing(self._stages(f"v1/gateways/{quoted(identifier)}/oauth/doctor", body)) as stages:
            async for stage in stages:
                yield stage

    async def test_smartermail(self, gateway: Plain, password: Secret | None = None) -> SmarterMailReport:
        """Takes as long as the server on the card does, up to two minutes."""
        body = {"gateway": gateway, "password": password.reveal() if password else None}
        raw, _ = await self.call("POST", "v1/smartermail-test", body)
        return decoded(SmarterMailReport, raw)

    # --- events ---

    async def events(self, *, reconnect: bool = True) -> AsyncGenerator[Message]:
        """A snapshot, then events; after each loss ``Lost`` and, once connected again, a snapshot. Without ``reconnect`` it
        ends with the connection."""
        from .following import follow

        messages = follow(self.session, self.base, reconnect=reconnect, pauses=_RECONNECT_SECONDS, max_size=_MAX_EVENT)
        async with aclosing(messages):
            async for message in messages:
                yield message


def _files(files: Sequence[tuple[str, str]]) -> list[Plain]:
    return [{"name": name, "text": text} for name, text in files]
