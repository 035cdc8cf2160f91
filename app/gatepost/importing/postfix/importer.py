"""Postfix's files, read into a proposal."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from ...model.errors import InvalidInput, Issue
from ..draft import Draft
from ..proposal import Place, Proposal, SourceFile
from .incoming import Incoming
from .main_cf import MainCf, Setting, seconds
from .outgoing import Outgoing
from .tables import Files, Tables

SOURCE = "postfix"

_WHY_NOT = (
    (r"mydestination|virtual_|local_|home_mailbox|mailbox_|alias_|luser|recipient_delimiter|forward_path|biff|"
     r"append_dot_mydomain|allow_mail_to|mail_spool", "Gatepost keeps no mailboxes and has no local users"),
    (r"smtpd_.*_restrictions|smtpd_relay|smtpd_reject|reject_|strict_|disable_vrfy|smtpd_helo|smtpd_delay|postscreen_|"
     r"smtpd_restriction", "who may send what is decided by trusted networks, relay users and inbound gateways here"),
    (r"smtpd_sasl_|broken_sasl|cyrus_|dovecot_", "make relay users with passwords of their own instead"),
    (r".*milter|content_filter|receive_override|header_checks|body_checks|mime_header|nested_header|smtpd_proxy",
     "spam and viruses are looked for by the spam and virus settings here"),
    (r"canonical_|sender_canonical|recipient_canonical|masquerade_|smtp_generic|sender_bcc|recipient_bcc|always_bcc|"
     r"relocated|smtp_header", "addresses and headers are not rewritten here"),
    (r".*_directory|compatibility_level|mail_owner|setgid_group|.*_path|readme_|html_|manpage_|sample_|data_|daemon_|"
     r"command_|queue_dir|unknown_|debug|meta_|shlib|inet_protocols|smtpd_banner|mail_name|mail_version|delay_logging",
     "it has no meaning here"),
    (r"smtp_tls_|smtpd_tls_|tls_", "TLS 1.2 or newer with the system's trust and ciphers is used here"),
)  # fmt: skip


def propose(files: Sequence[SourceFile]) -> Proposal:
    """Raises InvalidInput when no file of them is a ``main.cf``."""
    main = next((file for file in files if _is_main(file)), None)
    if main is None:
        raise InvalidInput([Issue("files", "give main.cf, or what “postconf -n” prints")], "No main.cf was found.")
    master = next((file for file in files if _base(file.name) == "master.cf"), None)
    draft = Draft(SOURCE)
    settings = MainCf(main)
    for line in settings.unreadable:
        draft.decide(Place(main.name, line.number), f"This line was not understood: {line.text[:100]}")
    tables = Tables(Files([file for file in files if file not in (main, master)]), draft)
    outgoing, incoming = Outgoing(settings, tables, draft), Incoming(settings, tables, draft)
    outgoing.read(incoming.relayed(outgoing.transports))
    incoming.networks()
    incoming.listeners(master)
    _identity(settings, draft)
    _spool(settings, draft)
    if master is None:
        settings.get("inet_protocols")
        draft.want(Place(main.name), "/etc/postfix/master.cf", "Listeners on other ports than 25")
    _rest(settings, draft)
    for file in files:
        if file not in (main, master) and file.name not in tables.used:
            draft.left_out(Place(file.name), "No parameter that is taken over points to this file.")
    return draft.proposal()


def _is_main(file: SourceFile) -> bool:
    if _base(file.name) == "main.cf":
        return True
    names = re.findall(r"(?m)^(\w+) *=", file.text[:200_000])
    return _base(file.name) != "master.cf" and bool({"relayhost", "myhostname", "mynetworks", "mydestination"} & set(names))


def _base(name: str) -> str:
    return posixpath.basename(name.replace("\\", "/"))


def _identity(settings: MainCf, draft: Draft) -> None:
    if (found := settings.get("myhostname")) is not None and found.value:
        draft.setting(found.place, "server.host_name", found.value, f"This server's name is {found.value}")


def _spool(settings: MainCf, draft: Draft) -> None:
    if (found := settings.get("message_size_limit")) is not None:
        if not found.value.isdigit():
            draft.decide(found.place, f"message_size_limit = {found.value} was not understood.")
        elif int(found.value) == 0:
            draft.decide(found.place, "Postfix took messages of any size; here is always a limit: see Settings → Spool.")
        else:
            size = int(found.value)
            draft.setting(found.place, "spool.max_message_bytes", size, f"Messages may have {size:,} octets")
    if (found := settings.get("maximal_queue_lifetime")) is not None and (life := _time(found, "d", draft)) is not None:
        hours = max(1, round(life / 3600))
        draft.setting(found.place, "spool.lifetime_hours", hours, f"Mail waits for {hours} hours at most")
    if (found := settings.get("delay_warning_time")) is not None and (delay := _time(found, "h", draft)) is not None:
        hours = 0 if delay == 0 else max(1, round(delay / 3600))
        words = f"Senders are told of a delay after {hours} hours" if hours else "Senders are not told of a delay"
        draft.setting(found.place, "spool.delay_notice_hours", hours, words)
    low, high = settings.get("minimal_backoff_time"), settings.get("maximal_backoff_time")
    if low is not None or high is not None:
        _schedule(low, high, draft)


def _schedule(low: Setting | None, high: Setting | None, draft: Draft) -> None:
    """Postfix doubles the wait from the minimal to the maximal backoff time."""
    first = _time(low, "s", draft) if low is not None else 300
    last = _time(high, "s", draft) if high is not None else 4000
    given = low or high
    if first is None or last is None or given is None:
        return
    minutes = [max(1, round(first / 60))]
    while minutes[-1] * 60 < last and len(minutes) < 20:
        minutes.append(min(minutes[-1] * 2, max(1, round(last / 60))))
        if minutes[-1] == minutes[-2]:
            minutes.pop()
            break
    shown = ", ".join(str(one) for one in minutes)
    draft.setting(given.place, "spool.schedule_minutes", minutes, f"Attempts are repeated after {shown} minutes")


def _time(found: Setting, unit: str, draft: Draft) -> int | None:
    value = seconds(found.value, unit)
    if value is None:
        draft.decide(found.place, f"The time {found.value} was not understood.")
    return value


def _rest(settings: MainCf, draft: Draft) -> None:
    for name, found in list(settings.unasked()):
        why = next((words for pattern, words in _WHY_NOT if re.match(pattern, name)), "Gatepost has no such setting")
        draft.left_out(found.place, f"{name}: {why}.")
