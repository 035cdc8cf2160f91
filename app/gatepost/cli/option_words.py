"""What options and arguments say of themselves in ``--help`` where the command that has them says nothing of its own.

Most mean the same in every command, so their words stand here once. Where the same name means different things, the one that
begins with the command counts: ``"gateway --port"`` before ``"--port"``.
"""

from __future__ import annotations

import argparse

_ID = "its id, as “list” shows it"
_PART_OF = "only what has this in the {}, in any case"
_WORDS = {
    # arguments
    "id": _ID,
    "inbox id": "the message's number, as “list” shows it",
    "inbox ids": "numbers of messages; without any, the options choose",
    "queue_id": "as “list” and “track” show it",
    "queue_ids": "these messages; without any, the options choose",
    "config number": "a revision's number, as “revisions” shows it",
    "config show number": "a revision's number; without one, the present state",
    "relay-list name": "what you call it",
    "secret name": "as “list” shows it",
    "dkim domain": "the domain that it signs for",
    "explain sender": "from this address; “<>” for a bounce",
    "explain recipient": "to this address",
    "verdicts text": "only addresses with this in them",
    "inbox tray": "a tray's id",
    "import kind": "what the files are of",
    "completion shell": "for which shell",
    "help topic": "what about (%(default)s)",
    # which of them
    "--state": "only what is in this state",
    "--lane": "only one lane, as “counts --json” names it, such as gateway:gw-1",
    "--gateway": "only what waits for the gateway with this id",
    "quarantine --gateway": "only what came by the inbound gateway with this id",
    "verdicts --gateway": "only of the inbound gateway with this id",
    "verdicts --address": "only of this recipient",
    "--sender": _PART_OF.format("sender"),
    "--recipient": _PART_OF.format("address of a recipient"),
    "--subject": _PART_OF.format("subject"),
    "--reply": _PART_OF.format("last reply"),
    "--text": "only what has this in sender, recipient or subject",
    "--kind": "only what was held for this",
    "--level": "only what reached this level",
    "--min-score": "only with this score or a higher one",
    "--max-score": "only with this score or a lower one",
    # how a list is shown
    "--descending": "turn the order round",
    "--ascending": "turn the order round",
    "--limit": "so many at most (%(default)s)",
    "--offset": "leave out so many at the beginning",
    # what is done
    "--yes": "do not ask first",
    "spool --reason": "why, for whoever looks at it later",
    "spool fail --reason": "why, for its senders",
    "--priority": "-100 to 100; higher goes first, 0 is usual",
    # fields
    "--description": "a name for people",
    "gateway --mode": "round-robin and specific-domains are outbound, the others inbound",
    "gateway --port": "its SMTP port",
    "gateway --encryption": "of the connection; “tls” from the start, usually on port 465",
    "--weight": "1 to 100; with weight 3 it takes three messages where another takes one",
    "--standby": "whether it is used only while no other one can be",
    "--ehlo-name": "how we introduce ourselves there, if not by the server's own name",
    "domain --domain": "example.com, or *.example.com for all below it",
    "domain --match": "whose domain counts",
    "listener --address": "an IP address of this computer; 0.0.0.0 or :: for all",
    "listener --port": "25 for mail servers, 587 or 465 for programs",
    "listener --mode": "mx for other servers' mail, submission for users who sign in, trusted for trusted networks alone",
    "listener --tls": "“tls” from the start; the others begin in the clear",
    "listener --certificate-file": "PEM, with its chain",
    "listener --key-file": "PEM",
    "network --network": "an IP address, or a network such as 192.0.2.0/24",
    "user --username": "what the user signs in with",
    "tray --name": "what it is called",
    "--keep-days": "delete its mail after so many days",
    "--keep-messages": "keep so many of its messages, the newest",
    "inbox --days": "delete captured mail after so many days",
    "inbox --messages": "keep so many messages of a tray, the newest",
    "fault --stage": "where in the session it happens; dot is the end of the message",
    "dkim --selector": "its name in DNS (%(default)s)",
    "dkim --algorithm": "rsa-2048 is understood everywhere",
    "relay-list --host": "its name or address",
    "relay-list --port": "of its administration (%(default)s)",
    "send-test --from": "the sender",
    "send-test --to": "the recipient",
    "config --to": "compare with this revision instead of the present state",
    "relay --log-level": "how much is logged (%(default)s)",
}


def complete(parser: argparse.ArgumentParser, command: str, action: str = "") -> None:
    """Give each option and argument of one command, or of one of its actions, its words and a name for its value. Raises
    LookupError for one that says nothing at all."""
    for one in parser._actions:
        if isinstance(one, argparse._SubParsersAction):
            continue
        name = next((option for option in one.option_strings if option.startswith("--")), one.dest)
        if one.help is None:
            one.help = _words(command, action, name)
        if one.metavar is None and one.choices is None and one.nargs != 0:
            said = name.rpartition("-")[2] if name.startswith("--") else name.replace("_", "-")
            one.metavar = said.upper()


def _words(command: str, action: str, name: str) -> str:
    for key in (f"{command} {action} {name}", f"{command} {name}", name):
        if key in _WORDS:
            return _WORDS[key]
    raise LookupError(f"gatepost {command} {action}: {name} says nothing of itself")
