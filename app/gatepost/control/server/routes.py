"""The one table of what can be called: it drives routing, ``openapi.json`` and the tests that enumerate every route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import GenericAlias
from typing import Any

from ...model.fields import Model
from ...model.remote import RemoteReport, TokenReport
from ...model.report import (
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
)
from .. import capture_schema, import_schema, schema, spool_schema, tracking_schema
from .call import Call, ChangeQuery, Handler, NoQuery, PageQuery, RemoveQuery
from .editing import COLLECTIONS, DKIM_KEYS, GATEWAYS, SECTIONS, USERS, Collection
from .events import follow
from .handlers import captured, configuration, dkim, importing, oauth, quarantine, relay, remote, seeing, spool


class Form(StrEnum):
    """What an answer is made of."""

    JSON = "application/json"
    TEXT = "text/plain"
    LINES = "application/x-ndjson"
    MESSAGE = "message/rfc822"
    OCTETS = "application/octet-stream"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler
    summary: str
    body: Any = None
    answer: Any = schema.Done
    query: type[Model] = NoQuery
    form: Form = Form.JSON

    @property
    def is_change(self) -> bool:
        """Whether it takes If-Match and answers with the configuration's revision."""
        return issubclass(self.query, ChangeQuery)


Objects = dict[str, Any]


def _collection(collection: Collection) -> Iterator[Route]:
    path, noun = f"/v1/{collection.path}", collection.noun
    objects, model = configuration.Objects(collection), collection.model
    query = RemoveQuery if collection in (GATEWAYS, DKIM_KEYS) else ChangeQuery
    add = dkim.add if collection is DKIM_KEYS else objects.add
    yield Route("GET", path, objects.get_all, f"All: {noun}.", answer=GenericAlias(tuple, (model, ...)))
    yield Route("POST", path, add, f"Add: {noun}.", body=Objects, answer=schema.Saved, query=ChangeQuery)
    yield Route(
        "PATCH", path, objects.patch_many,
        "Merge patches by id, null removes; all or nothing.", body=Objects, answer=schema.Saved, query=query,
    )  # fmt: skip
    one = path + "/{id}"
    yield Route("GET", one, objects.get, f"One: {noun}.", answer=model)
    yield Route("PUT", one, objects.replace, f"Replace: {noun}.", body=Objects, answer=schema.Saved, query=ChangeQuery)
    yield Route(
        "PATCH",
        one,
        objects.patch,
        f"JSON merge patch (RFC 7396): {noun}.",
        body=Objects,
        answer=schema.Saved,
        query=ChangeQuery,
    )
    yield Route("DELETE", one, objects.remove, f"Remove: {noun}.", answer=schema.Saved, query=query)
    yield Route(
        "POST", one + "/move", objects.move, "Put it at another place in the list.",
        body=schema.MoveRequest, answer=schema.Saved, query=ChangeQuery,
    )  # fmt: skip
    if collection is DKIM_KEYS:
        yield Route("GET", one + "/check", dkim.check, "Compare it with what DNS publishes.", answer=DkimCheck)
    if collection is GATEWAYS:
        yield from _oauth(one + "/oauth")
    if collection is USERS:
        yield Route(
            "PUT", one + "/password", configuration.set_password, "Set the user's password; only a verifier is kept.",
            body=schema.PasswordRequest, answer=schema.Saved, query=ChangeQuery,
        )  # fmt: skip


def _oauth(path: str) -> Iterator[Route]:
    yield Route("GET", path, oauth.status, "How its sign-in by OAuth 2.0 stands.", answer=OAuthReport)
    yield Route("DELETE", path, oauth.forget, "Sign out: forget the sign-in and its tokens.", answer=OAuthReport)
    yield Route(
        "POST", path + "/begin", oauth.begin, "Begin a sign-in in the browser, by PKCE and a redirect to this computer.",
        body=schema.OAuthBeginRequest, answer=OAuthSignIn,
    )  # fmt: skip
    yield Route(
        "POST", path + "/complete", oauth.complete, "What the browser came back with.",
        body=schema.OAuthCompleteRequest, answer=OAuthReport,
    )  # fmt: skip
    yield Route(
        "POST", path + "/doctor", oauth.doctor, "Look at every step of the sign-in, stage by stage.",
        body=schema.OAuthDoctorRequest, answer=schema.VerifyLine, form=Form.LINES,
    )  # fmt: skip


def _section(name: str, model: Any) -> Iterator[Route]:
    section = configuration.Section(name)
    path = f"/v1/{name}"
    yield Route("GET", path, section.get, f"The {name}.", answer=model)
    yield Route("PUT", path, section.replace, f"Replace the {name}.", body=Objects, answer=schema.Saved, query=ChangeQuery)
    yield Route(
        "PATCH", path, section.patch, f"JSON merge patch of the {name}.", body=Objects, answer=schema.Saved, query=ChangeQuery
    )


def _configuration() -> Iterator[Route]:
    path = "/v1/configuration"
    yield Route("GET", path, configuration.get_all, "Everything that can be set.", answer=schema.ConfigurationView)
    yield Route(
        "PUT", path, configuration.replace_all, "Replace everything.",
        body=Objects, answer=schema.SavedDifferences, query=ChangeQuery,
    )  # fmt: skip
    yield Route(
        "PATCH", path, configuration.patch_all, "JSON merge patch of everything; lists are replaced whole.",
        body=Objects, answer=schema.SavedDifferences, query=ChangeQuery,
    )  # fmt: skip
    yield Route("GET", "/v1/export", configuration.export, "A document without secrets.", answer=schema.ExportDocument)
    yield Route(
        "POST", "/v1/import", configuration.import_document, "Import such a document; first with dry_run.",
        body=schema.ImportRequest, answer=schema.SavedDifferences, query=ChangeQuery,
    )  # fmt: skip
    foreign = "/v1/import/{kind}"
    yield Route(
        "POST", foreign + "/preview", importing.preview, "What files of another server mean; nothing is saved.",
        body=import_schema.ImportPreviewRequest, answer=import_schema.ImportProposal,
    )  # fmt: skip
    yield Route(
        "POST", foreign, importing.carry_out, "Take over parts of such files, all or nothing.",
        body=import_schema.ForeignImportRequest, answer=schema.SavedDifferences, query=ChangeQuery,
    )  # fmt: skip
    revisions = "/v1/revisions"
    yield Route("GET", revisions, configuration.revisions, "Newest first.", answer=tuple[Revision, ...], query=PageQuery)
    one = revisions + "/{number}"
    yield Route("GET", one, configuration.revision, "The configuration of then.", answer=schema.ConfigurationView)
    yield Route(
        "GET", one + "/difference", configuration.difference, "What changed from that one to another, or to the current one.",
        answer=tuple[schema.Difference, ...], query=configuration.DifferenceQuery,
    )  # fmt: skip
    yield Route(
        "POST", one + "/restore", configuration.restore, "Put that one in force, as a new revision.",
        answer=schema.SavedDifferences, query=ChangeQuery,
    )  # fmt: skip


def _relay() -> Iterator[Route]:
    yield Route("GET", "/v1/version", relay.version, "Which relay answers here.", answer=schema.Version)
    yield Route("GET", "/v1/status", relay.status, "The relay, its listeners, its vault, its spool.", answer=schema.Status)
    for name, summary in (
        ("start", "Open the listeners and deliver."),
        ("stop", "Close the listeners and deliver no more; this API goes on."),
        ("pause", "Take mail, deliver none."),
        ("resume", "Deliver again."),
        ("shut-down", "End the relay's process."),
    ):
        yield Route("POST", f"/v1/{name}", relay.COMMANDS[name], summary)
    yield Route(
        "GET", "/v1/gateway-reports", relay.gateways, "Health and figures by gateway.", answer=tuple[GatewayReport, ...]
    )
    yield Route("GET", "/v1/health", relay.health, "Health of next hops.", answer=tuple[schema.HopHealthBody, ...])
    yield Route("GET", "/v1/alarms", relay.alarms, "Trouble that has lasted, and who was told.", answer=tuple[AlarmReport, ...])
    yield Route(
        "POST", "/v1/alarms/test", relay.test_alarm, "Send a test notice to whom the settings name.", answer=schema.AlarmTest
    )
    yield Route("GET", "/v1/totals", relay.totals, "Counters since the start.", answer=tuple[Total, ...])
    yield Route(
        "GET",
        "/v1/history",
        relay.history,
        "Sums by minute, also from before a restart.",
        answer=tuple[MinuteFigures, ...],
        query=relay.HistoryQuery,
    )
    yield Route("GET", "/metrics", relay.metrics, "Prometheus text, version 0.0.4.", answer=str, form=Form.TEXT)
    yield Route("GET", "/v1/events", follow, "A snapshot, then events.", answer=schema.EventMessage, form=Form.WEBSOCKET)
    yield Route(
        "POST", "/v1/verify", relay.verify, "Probe a gateway as it would be saved, stage by stage.",
        body=schema.VerifyRequest, answer=schema.VerifyLine, form=Form.LINES,
    )  # fmt: skip
    yield Route(
        "POST", "/v1/smartermail-test", relay.test_smartermail, "Log in to the SmarterMail server of a gateway's card.",
        body=schema.VerifyRequest, answer=SmarterMailReport,
    )  # fmt: skip
    yield Route("GET", "/v1/vault", relay.vault, "Where secrets are kept.", answer=VaultReport)
    yield Route("GET", "/v1/certificates", relay.certificates, "Of the listeners.", answer=tuple[CertificateReport, ...])
    yield Route(
        "POST", "/v1/certificates/inspect", relay.inspect_certificate, "Look at a pair of files before it is used.",
        body=schema.CertificateRequest, answer=CertificateReport,
    )  # fmt: skip
    yield Route(
        "POST", "/v1/vault/renew-key", relay.renew_vault_key, "Seal all secrets anew under a new key.", answer=schema.Renewed
    )
    yield Route("GET", "/v1/secrets", relay.secrets, "Which secrets are stored.", answer=tuple[SecretReport, ...])
    one = "/v1/secrets/{name:[^{}]+}"
    yield Route("PUT", one, relay.set_secret, "Store a secret. No call gives one back.", body=schema.SecretRequest)
    yield Route("DELETE", one, relay.delete_secret, "Forget a secret.")


def _remote() -> Iterator[Route]:
    yield Route("GET", "/v1/remote", remote.report, "How remote administration stands.", answer=RemoteReport)
    yield Route(
        "POST", "/v1/remote/renew-certificate", remote.renew_certificate,
        "Make a new certificate of the relay's own; clients pin it anew.",
    )  # fmt: skip
    yield Route("GET", "/v1/tokens", remote.tokens, "Who may administer from other machines.", answer=tuple[TokenReport, ...])
    yield Route(
        "POST", "/v1/tokens", remote.make_token, "Make a token; no other answer ever shows it.",
        body=schema.TokenRequest, answer=schema.NewToken,
    )  # fmt: skip
    yield Route("DELETE", "/v1/tokens/{id}", remote.revoke_token, "Revoke a token at once.")


def _mail() -> Iterator[Route]:
    yield Route("GET", "/v1/spool/counts", spool.counts, "How much there is.", answer=schema.SpoolFigures)
    yield Route(
        "POST",
        "/v1/spool/list",
        spool.rows,
        "A page of deliveries.",
        body=spool_schema.ListRequest,
        answer=tuple[spool_schema.SpoolRow, ...],
    )
    yield Route(
        "POST",
        "/v1/spool/count",
        spool.count,
        "How many match.",
        body=spool_schema.CountRequest,
        answer=spool_schema.SpoolCount,
    )
    yield Route(
        "POST", "/v1/spool/ids", spool.ids,
        "Ids in the order shown; with Accept: application/octet-stream as signed integers of 8 octets, little-endian.",
        body=spool_schema.IdsRequest, answer=tuple[int, ...],
    )  # fmt: skip
    yield Route(
        "POST", "/v1/spool/operate", spool.operate, "Do something with all that match.",
        body=spool_schema.OperateRequest, answer=spool_schema.Operated,
    )  # fmt: skip
    message = "/v1/spool/messages/{queue_id}"
    yield Route("GET", message, spool.message, "A message and its deliveries.", answer=spool_schema.SpoolMessage)
    yield Route("GET", message + "/content", spool.content, "As it was received.", answer=bytes, form=Form.MESSAGE)
    yield from _quarantine()
    yield from _captured()
    yield Route(
        "POST",
        "/v1/tracking/search",
        seeing.track,
        "Messages, newest first.",
        body=tracking_schema.TrackRequest,
        answer=tracking_schema.TrackPage,
    )
    yield Route("GET", "/v1/tracking/{queue_id}", seeing.timeline, "The story of a message.", answer=tracking_schema.Timeline)
    yield Route(
        "POST",
        "/v1/explain",
        seeing.explain,
        "Where mail would go, and why.",
        body=tracking_schema.ExplainRequest,
        answer=seeing.Explanation,
    )
    yield Route(
        "POST",
        "/v1/send-test",
        seeing.send_test,
        "Send a test message.",
        body=tracking_schema.TestRequest,
        answer=tracking_schema.TestSent,
    )
    yield Route(
        "GET", "/v1/verdicts", seeing.verdicts, "What is remembered of recipients.",
        answer=tuple[tracking_schema.Verdict, ...], query=seeing.VerdictQuery,
    )  # fmt: skip
    yield Route(
        "POST",
        "/v1/verdicts/forget",
        seeing.forget,
        "Flush verdicts.",
        body=tracking_schema.ForgetRequest,
        answer=tracking_schema.Forgotten,
    )


def _quarantine() -> Iterator[Route]:
    path = "/v1/quarantine"
    yield Route(
        "POST", path + "/list", quarantine.rows, "A page of messages in quarantine.",
        body=spool_schema.QuarantineListRequest, answer=tuple[spool_schema.QuarantineRow, ...],
    )  # fmt: skip
    yield Route(
        "POST", path + "/count", quarantine.count, "How many match.",
        body=spool_schema.QuarantineCountRequest, answer=spool_schema.SpoolCount,
    )  # fmt: skip
    yield Route(
        "POST", path + "/ids", quarantine.ids, "Message ids in the order shown, also in compact form.",
        body=spool_schema.QuarantineIdsRequest, answer=tuple[int, ...],
    )  # fmt: skip
    yield Route(
        "POST", path + "/operate", quarantine.operate, "Release or delete all that match.",
        body=spool_schema.QuarantineOperateRequest, answer=spool_schema.Operated,
    )  # fmt: skip
    one = path + "/{queue_id}"
    yield Route("GET", one, quarantine.entry, "Why it is there: the arithmetic.", answer=spool_schema.QuarantineEntry)
    yield Route("GET", one + "/content", quarantine.content, "As it was received.", answer=bytes, form=Form.MESSAGE)


def _captured() -> Iterator[Route]:
    path = "/v1/captured"
    yield Route("GET", path + "/trays", captured.trays, "Figures of every tray.", answer=tuple[capture_schema.TrayReport, ...])
    yield Route(
        "GET", path + "/wait", captured.wait, "The next message that matches, as soon as there is one.",
        answer=capture_schema.CapturedFound, query=captured.WaitQuery,
    )  # fmt: skip
    yield Route(
        "POST", path + "/list", captured.rows, "A page of captured messages.",
        body=capture_schema.CapturedListRequest, answer=tuple[capture_schema.CapturedRow, ...],
    )  # fmt: skip
    yield Route(
        "POST", path + "/count", captured.count, "How many match.",
        body=capture_schema.CapturedCountRequest, answer=spool_schema.SpoolCount,
    )  # fmt: skip
    yield Route(
        "POST", path + "/ids", captured.ids, "Ids in the order shown, also in compact form.",
        body=capture_schema.CapturedIdsRequest, answer=tuple[int, ...],
    )  # fmt: skip
    yield Route(
        "POST", path + "/operate", captured.operate, "Release or delete all that match.",
        body=capture_schema.OperateCapturedRequest, answer=spool_schema.Operated,
    )  # fmt: skip
    yield Route(
        "POST", path + "/clear", captured.clear, "Delete all that a tray holds.",
        body=capture_schema.ClearTrayRequest, answer=spool_schema.Operated,
    )  # fmt: skip
    one = path + "/{id}"
    yield Route("GET", one, captured.message, "A message taken apart.", answer=capture_schema.CapturedMessage)
    yield Route("DELETE", one, captured.delete, "Delete one.")
    yield Route("GET", one + "/content", captured.content, "As it was captured.", answer=bytes, form=Form.MESSAGE)
    yield Route("GET", one + "/parts/{number}", captured.part, "One part, decoded.", answer=bytes, form=Form.OCTETS)
    yield Route(
        "POST", one + "/release", captured.release, "Put it into the spool, to be delivered.",
        body=capture_schema.ReleaseCapturedRequest, answer=capture_schema.ReleasedCaptured,
    )  # fmt: skip


async def _openapi(_call: Call) -> Any:
    from . import openapi

    return openapi.document(ROUTES)


def _all() -> Iterator[Route]:
    yield from _relay()
    yield from _remote()
    yield from _configuration()
    for collection in COLLECTIONS:
        yield from _collection(collection)
    for name, model in SECTIONS.items():
        yield from _section(name, model)
    yield from _mail()
    yield Route("GET", "/v1/openapi.json", _openapi, "This description.", answer=Objects)


ROUTES = tuple(_all())
