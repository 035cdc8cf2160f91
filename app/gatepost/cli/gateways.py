"""``gatepost gateway …``: the list of gateways, and every field of one."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from typing import Any

from ..control.client import Client
from ..model.errors import GatepostError
from ..model.fields import new_id
from ..model.gateway import PROPOSED_PORT, AuthMethod, CertificateCheck, Encryption, GatewayMode
from ..model.oauth import client_secret_name
from ..model.report import StageState, VerifyStage
from ..model.secret import Secret
from . import oauth
from .editing import HANDLING, add_dry_run, add_set_option, assigned, handling, merged, tell_saved
from .exit_codes import ExitCode
from .output import Out, plural, value_text
from .session import add_password_options, confirm, read_password
from .state import gateway_label

OUTBOUND = (GatewayMode.ROUND_ROBIN.value, GatewayMode.SPECIFIC_DOMAINS.value)


class VerifyFailed(GatepostError):
    code = "verify-failed"
    exit_code = ExitCode.VERIFY_FAILED


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    listing = actions.add_parser("list", help="all gateways with their health")
    listing.set_defaults(run=list_gateways)
    showing = actions.add_parser("show", help="one gateway, every field")
    showing.add_argument("id")
    showing.set_defaults(run=show)
    adding = actions.add_parser("add", help="add a gateway; its connection is verified first")
    _add_fields(adding)
    _add_verify_options(adding)
    adding.set_defaults(run=add)
    editing = actions.add_parser("edit", help="change fields of a gateway")
    editing.add_argument("id")
    _add_fields(editing)
    _add_verify_options(editing)
    editing.set_defaults(run=edit)
    removing = actions.add_parser("remove", help="remove a gateway; its queued mail takes another way")
    removing.add_argument("id")
    removing.add_argument("--yes", action="store_true")
    add_dry_run(removing)
    removing.set_defaults(run=remove)
    for name, enabled in (("enable", True), ("disable", False)):
        switching = actions.add_parser(name, help=f"{name} a gateway")
        switching.add_argument("id")
        switching.set_defaults(run=switch, enabled=enabled)
    oauth.configure(actions)
    examining = actions.add_parser("oauth-doctor", help="look at every step of a sign-in by OAuth 2.0")
    examining.add_argument("id")
    examining.set_defaults(run=examine)
    verifying = actions.add_parser("verify", help="probe the connection, stage by stage")
    verifying.add_argument("id")
    verifying.set_defaults(run=verify)
    testing = actions.add_parser("smartermail-test", help="log in to the SmarterMail server on a gateway's card")
    testing.add_argument("id")
    add_password_options(testing, "the SmarterMail administrator's password, instead of the stored one")
    testing.set_defaults(run=test_smartermail)
    moving = actions.add_parser("move", help="change the order of the list")
    moving.add_argument("id")
    moving.add_argument("position", type=int, help="0 is the first")
    moving.set_defaults(run=move)


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mode", choices=[mode.value for mode in GatewayMode])
    parser.add_argument("--host", help="server address of an outbound gateway")
    parser.add_argument("--address", dest="addresses", action="append", help="primary of an inbound gateway; repeat for more")
    parser.add_argument("--port", type=int)
    parser.add_argument("--encryption", choices=[encryption.value for encryption in Encryption])
    parser.add_argument(
        "--certificate", choices=[check.value for check in CertificateCheck], help="which certificate is accepted"
    )
    parser.add_argument("--fingerprint", help="SHA-256 of the only certificate accepted")
    parser.add_argument("--auth-username", help="sign in with this name; the password is asked for")
    add_password_options(parser, "the password")
    parser.add_argument("--no-auth", action="store_true", help="do not sign in")
    oauth.add_fields(parser)
    parser.add_argument("--description")
    parser.add_argument("--weight", type=int)
    parser.add_argument("--standby", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--domain", dest="domains", action="append", help="a domain of this gateway; repeat for more")
    parser.add_argument("--source-address", dest="source_addresses", action="append", help="send from this address of ours")
    parser.add_argument("--ehlo-name")
    parser.add_argument("--handling", type=handling, help=HANDLING)
    add_set_option(parser)
    add_dry_run(parser)


def _add_verify_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-verify", action="store_true", help="save without verifying the connection")
    parser.add_argument("--save-anyway", action="store_true", help="save even if the verification fails")


def _fields(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was given, as a merge patch."""
    found: dict[str, Any] = {}
    for name in ("mode", "host", "addresses", "port", "encryption", "description", "weight", "standby", "domains",
                 "source_addresses", "ehlo_name", "handling"):  # fmt: skip
        if (value := getattr(arguments, name)) is not None:
            found[name] = value
    if arguments.encryption is not None and arguments.port is None:
        found["port"] = PROPOSED_PORT[Encryption(arguments.encryption)]
    if arguments.fingerprint is not None:
        found["certificate"] = {"check": CertificateCheck.FINGERPRINT.value, "fingerprint": arguments.fingerprint}
    elif arguments.certificate is not None:
        found["certificate"] = {"check": arguments.certificate}
    if arguments.auth_username is not None:
        found["auth"] = {"enabled": True, "username": arguments.auth_username}
        if arguments.oauth is None and not arguments.client_id:
            found["auth"]["method"] = AuthMethod.PASSWORD.value
    elif arguments.no_auth:
        found["auth"] = {"enabled": False}
    if changes := oauth.fields(arguments):
        found["auth"] = merged(found.get("auth", {}), changes)
    return merged(found, assigned(arguments.assignments))


async def list_gateways(_arguments: argparse.Namespace, client: Client, out: Out) -> None:
    gateways = (await client.objects("gateways")).value
    reports = {report.id: report for report in await client.gateway_reports()}
    if out.as_json:
        out.json([gateway | {"report": reports.get(gateway["id"])} for gateway in gateways])
        return
    rows = []
    for gateway in gateways:
        report = reports.get(gateway["id"])
        rows.append(
            (
                gateway["id"], report.health if report else "–", gateway["mode"], gateway_label(gateway), gateway["encryption"],
                str(report.spooled) if report else "–", out.when(report.last_delivery if report else None),
                "; ".join(filter(None, (_handled(gateway), *((report.last_error, *report.remarks) if report else ())))),
            )
        )  # fmt: skip
    out.table(
        ("ID", "HEALTH", "MODE", "GATEWAY", "ENCRYPTION", "SPOOLED", "LAST DELIVERY", "REMARKS"), rows,
        empty="There are no gateways yet: “gatepost gateway add --host …”.", states=["HEALTH"],
    )  # fmt: skip


def _handled(gateway: dict[str, Any]) -> str:
    """What is done with its mail instead of delivering it, loudly."""
    handling = gateway.get("handling", {"action": "deliver"})
    if handling["action"] == "deliver":
        return ""
    return " to ".join(filter(None, (handling["action"].upper(), handling.get("address", ""))))


async def show(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    gateway = (await client.object("gateways", arguments.id)).value
    if out.as_json:
        out.json(gateway)
        return
    out.tree(gateway)
    stored = [s for s in await client.secrets() if s.name == f"gateway/{arguments.id}/password"]
    if oauth.uses_oauth(gateway):
        out.pairs(oauth.status_pairs(await client.oauth_status(arguments.id), out))
    elif gateway.get("auth", {}).get("enabled"):
        out.line(
            f"password: stored in {stored[0].backend}, {out.when(stored[0].stored_at)}" if stored else "password: none stored"
        )


async def add(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    draft = _fields(arguments)
    draft.setdefault("mode", GatewayMode.ROUND_ROBIN.value)
    if draft["mode"] in OUTBOUND and "encryption" not in draft and "port" not in draft:
        draft["port"] = PROPOSED_PORT[Encryption.REQUIRED]
    draft.setdefault("id", new_id("gw"))
    password = _password(arguments, draft)
    # A dry run first: what is not valid is said before anybody waits for a connection.
    await client.add("gateways", draft, dry_run=True)
    if not arguments.dry_run:
        await _verify_first(arguments, client, out, draft, password)
    saved = await client.add("gateways", draft, dry_run=arguments.dry_run)
    if arguments.dry_run:
        tell_saved(saved, out, "It would be added.")
        return
    await _store(client, saved.object, password)
    tell_saved(saved, out, f"Added {saved.object['id']}, {gateway_label(saved.object)}.")
    if not await oauth.can_be_verified(client, saved.object) and not out.as_json:
        out.line(f"Now sign in: gatepost gateway sign-in {saved.object['id']}")


async def edit(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    change = _fields(arguments)
    current = await client.object("gateways", arguments.id)
    password = _password(arguments, merged(current.value, change), current.value)
    await client.patch("gateways", arguments.id, change, dry_run=True)
    if not arguments.dry_run and current.value["mode"] in OUTBOUND:
        await _verify_first(arguments, client, out, merged(current.value, change), password)
    saved = await client.patch("gateways", arguments.id, change, revision=current.revision, dry_run=arguments.dry_run)
    if not arguments.dry_run:
        await _store(client, saved.object, password)
    tell_saved(saved, out, "It would be changed." if arguments.dry_run else f"Changed {arguments.id}.")


def _password(arguments: argparse.Namespace, draft: dict[str, Any], saved: dict[str, Any] | None = None) -> Secret | None:
    """Or the client secret, of a gateway that signs in by OAuth. It is asked for again where the connection is to be tried
    with another server than the stored one is for."""
    if oauth.uses_oauth(draft):
        return oauth.read_client_secret(arguments)
    if arguments.password_stdin or (arguments.auth_username is not None and draft.get("auth", {}).get("enabled")):
        return read_password("The password", from_stdin=arguments.password_stdin)
    if saved is not None and _is_tried(arguments, draft) and _moves(saved, draft):
        return read_password(f"The password for {draft['host']}", from_stdin=False)
    return None


def _moves(saved: dict[str, Any], draft: dict[str, Any]) -> bool:
    """Whether a gateway that signs in by password gets another server."""
    signs_in = bool(draft.get("auth", {}).get("enabled")) and "host" in saved
    return signs_in and str(saved["host"]).casefold() != str(draft.get("host", "")).casefold()


def _is_tried(arguments: argparse.Namespace, draft: dict[str, Any]) -> bool:
    """Whether the connection is verified before it is saved."""
    return not (arguments.no_verify or arguments.dry_run) and draft.get("enabled", True) and draft["mode"] in OUTBOUND


async def _store(client: Client, gateway: dict[str, Any], password: Secret | None) -> None:
    if password is None:
        return
    is_oauth = oauth.uses_oauth(gateway)
    name = client_secret_name(gateway["id"]) if is_oauth else f"gateway/{gateway['id']}/password"
    try:
        await client.set_secret(name, password)
    except GatepostError as error:
        what = "client secret" if is_oauth else "password"
        saved = f"The gateway is saved as {gateway['id']}, without its {what}. When that is mended: gatepost secret set {name}"
        error.hint = " ".join(filter(None, (error.hint, saved)))
        raise


async def _verify_first(
    arguments: argparse.Namespace, client: Client, out: Out, draft: dict[str, Any], password: Secret | None
) -> None:
    if not _is_tried(arguments, draft):
        return
    if not await oauth.can_be_verified(client, draft):
        return
    if not await _probe(client.verify(draft, password), out) and not arguments.save_anyway:
        raise VerifyFailed("The connection could not be verified; nothing was saved.", "", "Mend it, or say --save-anyway.")


async def _probe(stages: AsyncIterator[VerifyStage], out: Out) -> bool:
    passed = True
    async for stage in stages:
        passed = passed and stage.state is not StageState.FAILED
        out.note(f"  {stage.state.value:8} {': '.join(filter(None, (stage.title, stage.result)))}")
        if stage.advice:
            out.note(f"           {stage.advice}")
        if stage.certificate is not None and not stage.certificate.trusted:
            out.note(f"           its certificate: --fingerprint {stage.certificate.fingerprint}")
    return passed


async def verify(arguments: argparse.Namespace, client: Client, out: Out) -> int:
    gateway = (await client.object("gateways", arguments.id)).value
    if out.as_json:
        stages = [stage async for stage in client.verify(gateway)]
        out.json(stages)
        passed = all(stage.state is not StageState.FAILED for stage in stages)
    else:
        passed = await _probe(client.verify(gateway), out)
        out.line("The connection works." if passed else "The connection does not work.")
    return ExitCode.DONE if passed else ExitCode.VERIFY_FAILED


async def examine(arguments: argparse.Namespace, client: Client, out: Out) -> int:
    if out.as_json:
        stages = [stage async for stage in client.oauth_doctor(arguments.id)]
        out.json(stages)
        passed = all(stage.state is not StageState.FAILED for stage in stages)
    else:
        passed = await _probe(client.oauth_doctor(arguments.id), out)
        out.line("The sign-in works." if passed else "The sign-in does not work.")
    return ExitCode.DONE if passed else ExitCode.VERIFY_FAILED


async def test_smartermail(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    gateway = (await client.object("gateways", arguments.id)).value
    typed = read_password("The password", from_stdin=True) if arguments.password_stdin else None
    found = await client.test_smartermail(gateway, typed)
    if out.as_json:
        out.json(found)
        return
    out.line(f"It speaks {found.interface} and has {plural(len(found.domains), 'domain', 'domains')}, {found.users:,} users.")
    for domain in found.domains:
        out.line(f"  {domain}")


async def remove(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    gateway = (await client.object("gateways", arguments.id)).value
    if not arguments.dry_run:
        confirm(f"Remove {gateway_label(gateway)}?", yes=arguments.yes)
    saved = await client.remove("gateways", arguments.id, dry_run=arguments.dry_run)
    if not arguments.dry_run:
        for note in await client.secrets():
            if note.name.startswith(f"gateway/{arguments.id}/"):
                await client.delete_secret(note.name)
    tell_saved(saved, out, "It would be removed." if arguments.dry_run else f"Removed {arguments.id}.")


async def switch(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    saved = await client.patch("gateways", arguments.id, {"enabled": arguments.enabled})
    tell_saved(saved, out, f"{arguments.id}: enabled: {value_text(arguments.enabled)}.")


async def move(arguments: argparse.Namespace, client: Client, out: Out) -> None:
    saved = await client.move("gateways", arguments.id, arguments.position)
    tell_saved(saved, out, f"Moved {arguments.id}.")
