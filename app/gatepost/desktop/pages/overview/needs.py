"""What needs attention, each with what mends it. A function of what the relay reports; no Qt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ...delivery_mark import COPIES, faults_words, place_of, what_it_does
from ...i18n import ntr, tr
from ...messages import Attention
from ...relay_texts import said, told
from ...trouble import CHOSEN, PREFIX
from ...words import moment_text
from ..wording import OUTBOUND, Plain, gateway_name, name_by_id

if TYPE_CHECKING:
    from ....control.schema import SpoolFigures
    from ....model.report import Problem, RelayReport, SecretReport


class Weight(StrEnum):
    BAD = "bad"
    WARNING = "warning"
    HINT = "hint"


class Mend(StrEnum):
    """What the button does: something right here, or show the page where it is done."""

    START = "start"
    RESUME = "resume"
    SHOW = "show"
    LOOK_AGAIN = "look-again"


@dataclass(frozen=True, slots=True)
class Need:
    weight: Weight
    title: str
    detail: str = ""
    button: str = ""
    mend: Mend = Mend.LOOK_AGAIN
    page: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is looked at. ``configuration`` as the API shows it; None where it could not be read."""

    relay: RelayReport
    spool: SpoolFigures
    configuration: Plain | None = None
    secrets: Sequence[SecretReport] = ()
    noted: Sequence[Attention] = field(default_factory=tuple)


def needs(known: Known) -> list[Need]:
    """The worst first."""
    found = [
        *_of_mail(known.relay),
        *_of_handling(known.relay),
        *_of_vault(known.relay),
        *(_of_problem(problem, known) for problem in known.relay.problems if problem.kind not in ("vault", *CHOSEN)),
        *_of_spool(known.spool),
        *_of_configuration(known.configuration, known.secrets),
        *_of_app(known.noted),
    ]
    order = list(Weight)
    return sorted(found, key=lambda need: order.index(need.weight))


def _of_mail(relay: RelayReport) -> Iterator[Need]:
    if relay.mail.value == "stopped":
        yield Need(
            Weight.BAD,
            tr("The relay is stopped."),
            tr("No mail is taken and none is delivered; what waits in the spool stays there."),
            tr("Start"),
            Mend.START,
        )
    elif relay.delivery_paused:
        yield Need(
            Weight.WARNING,
            tr("Delivery is paused."),
            tr("Mail is taken and waits in the spool."),
            tr("Resume delivery"),
            Mend.RESUME,
        )


def _of_handling(relay: RelayReport) -> Iterator[Need]:
    for one in relay.not_delivering:
        page, arguments = place_of(one)
        button = tr("Open the listener") if one.kind == "listener" else tr("Open the gateway")
        if one.handling == COPIES:
            yield Need(Weight.HINT, what_it_does(one), "", button, Mend.SHOW, page, arguments)
        else:
            title = tr("Mail is not delivered: {what}", what=what_it_does(one))
            yield Need(Weight.WARNING, title, "", button, Mend.SHOW, page, arguments)
    if relay.faults:
        detail = tr("Clients are refused, delayed or dropped on purpose.")
        yield _show(Weight.WARNING, faults_words(relay.faults), detail, tr("Show the faults"), "settings", section="faults")


def _of_app(noted: Sequence[Attention]) -> Iterator[Need]:
    """Without what the relay reports itself."""
    for one in noted:
        if one.page and not one.key.startswith(PREFIX):
            yield Need(Weight.WARNING, one.title, one.detail, tr("Show"), Mend.SHOW, one.page)


def _of_vault(relay: RelayReport) -> Iterator[Need]:
    vault = relay.vault
    if vault.waiting:
        detail = tr("Unlock it in its own window; gateways that sign in wait until then.")
        yield Need(Weight.WARNING, tr("{name} asks for permission.", name=said(vault.label)), detail, tr("Look again"))
    elif not vault.usable:
        detail = told(vault.problem, vault.hint)
        yield Need(Weight.BAD, tr("Passwords cannot be read."), detail, tr("Look again"))


def _of_problem(problem: Problem, known: Known) -> Need:
    kind, _, identifier = problem.subject.partition(":")
    title, detail = said(problem.title), told(problem.detail, problem.hint)
    match problem.kind:
        case "listener":
            title = tr("{name} has a problem.", name=_name(known.configuration, "listeners", identifier))
            button = tr("Open the listener")
            return _show(Weight.BAD, title, said(problem.detail), button, "settings", section="listeners", id=identifier)
        case "gateway" if kind in ("gateway", "inbound"):
            return _of_gateway(problem, identifier.partition("@")[0].partition("/")[0], known)
        case "sign-in":
            return _show(Weight.WARNING, title, detail, tr("Open the gateway"), "gateways", gateway=identifier)
        case "disk":
            detail = tr("New mail is answered 452 until there is room. Free some, or lower the limit.")
            title, button = tr("The disk is nearly full."), tr("Open the limit")
            return _show(Weight.BAD, title, detail, button, "settings", section="spool")
        case "dkim":
            return _show(Weight.BAD, title, detail, tr("Open the key"), "settings", section="dkim", id=identifier)
        case "inspection":
            title = tr("{name} gives no answer.", name=identifier)
            section = "virus" if "clam" in identifier.casefold() or "virus" in identifier.casefold() else "spam"
            return _show(Weight.WARNING, title, detail, tr("Open the settings"), "settings", section=section)
        case "certificate" if kind == "listener":
            is_over = problem.title.endswith(("has expired.", "cannot be used."))
            weight = Weight.BAD if is_over else Weight.WARNING
            return _show(weight, title, detail, tr("Open the certificate"), "settings", section="certificates", id=identifier)
        case "certificate":
            button = tr("Open the gateway")
            return _show(Weight.WARNING, title, said(problem.hint), button, "gateways", gateway=identifier)
        case "waiting" | "oldest":
            return _show(Weight.WARNING, title, said(problem.detail), tr("Show the spool"), "spool")
        case "refusals":
            return _show(Weight.WARNING, title, said(problem.detail), tr("Open the limit"), "settings",
                         section="alarms")  # fmt: skip
        case "pickup":
            title = tr("The pickup folder cannot be used.")
            return _show(Weight.BAD, title, said(problem.detail), tr("Open the settings"), "settings", section="pickup")
        case "monitoring":
            title, button = tr("The metrics port cannot be opened."), tr("Open the settings")
            return _show(Weight.WARNING, title, detail, button, "settings", section="metrics")
        case "remote":
            title, button = tr("Remote administration needs attention."), tr("Open the settings")
            return _show(Weight.WARNING, title, detail, button, "settings", section="remote")
        case _:
            return Need(Weight.WARNING, title, detail, tr("Look again"))


def _of_gateway(problem: Problem, gateway: str, known: Known) -> Need:
    """It rests, or it was found to be other than it should be."""
    title, detail = said(problem.title), said(problem.detail)
    if problem.since is not None:
        title = tr("{name} rests.", name=_name(known.configuration, "gateways", gateway))
        detail = tr("Since {time}: {cause}", time=moment_text(problem.since), cause=said(problem.detail))
    return _show(Weight.WARNING, title, detail, tr("Open the gateway"), "gateways", gateway=gateway)


def _of_spool(spool: SpoolFigures) -> Iterator[Need]:
    held = spool.held - spool.quarantined
    if held > 0:
        title = ntr("{n} message is held.", "{n} messages are held.", held)
        detail = tr("Held mail is not delivered until somebody releases it.")
        yield _show(Weight.HINT, title, detail, tr("Show held mail"), "spool", state="held")
    if spool.quarantined:
        title = ntr("{n} message is in quarantine.", "{n} messages are in quarantine.", spool.quarantined)
        yield _show(Weight.HINT, title, tr("Somebody has to decide about it."), tr("Show the quarantine"), "quarantine")


def _of_configuration(configuration: Plain | None, secrets: Sequence[SecretReport]) -> Iterator[Need]:
    if configuration is None:
        return
    gateways = configuration["gateways"]
    if not gateways:
        detail = tr("Without one, mail of your programs and users waits in the spool.")
        yield _show(Weight.HINT, tr("There is no gateway yet."), detail, tr("Add a gateway"), "gateways", new="round-robin")
    stored = {secret.name for secret in secrets}
    for gateway in gateways:
        auth = gateway.get("auth") or {}
        signs_in_by_password = auth.get("enabled") and auth.get("method", "password") == "password"
        if gateway["enabled"] and signs_in_by_password and f"gateway/{gateway['id']}/password" not in stored:
            title = tr("{name} has no password.", name=gateway_name(gateway))
            detail = tr("It signs in to the next server, but no password is stored for it.")
            yield _show(Weight.BAD, title, detail, tr("Set the password"), "gateways", gateway=gateway["id"])
    if gateways and _default_waits(configuration):
        detail = tr("Domains without a row use round robin, and no round-robin gateway is enabled: their mail waits.")
        yield _show(Weight.WARNING, tr("Some mail has no way out."), detail, tr("Choose the default"), "settings",
                    section="delivery")  # fmt: skip
    if not any(listener["enabled"] for listener in configuration["listeners"]):
        detail = tr("Nobody can hand mail to this relay.")
        title = tr("No listener is enabled.")
        yield _show(Weight.WARNING, title, detail, tr("Open listeners"), "settings", section="listeners")
    for network in configuration["trusted_networks"]:
        if network["confirmed_world"]:
            title = tr("This is an open relay.")
            detail = tr(
                "The trusted network {network} lets (nearly) everybody on the internet send.", network=network["network"]
            )
            yield _show(Weight.WARNING, title, detail, tr("Open trusted networks"), "settings", section="networks")


def _default_waits(configuration: Plain) -> bool:
    if configuration["settings"]["delivery"]["default_route"]["via"] != "round-robin":
        return False
    outbound = [one for one in configuration["gateways"] if one["mode"] in OUTBOUND]
    return bool(outbound) and not any(one["mode"] == "round-robin" and one["enabled"] for one in outbound)


def _show(weight: Weight, title: str, detail: str, button: str, page: str, **arguments: Any) -> Need:
    return Need(weight, title, detail, button, Mend.SHOW, page, tuple(arguments.items()))


def _name(configuration: Plain | None, collection: str, identifier: str) -> str:
    return name_by_id(configuration[collection], identifier) if configuration is not None else identifier
