"""The commands by name. Their modules are imported only when one is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    summary: str
    module: str


COMMANDS = (
    Command("relay", "run the relay in the foreground", "relay"),
    Command("status", "what the relay does now", "state"),
    Command("start", "open the listeners and deliver", "state"),
    Command("stop", "close the listeners and deliver no more", "state"),
    Command("pause", "take mail, deliver none", "state"),
    Command("resume", "deliver again", "state"),
    Command("shut-down", "end the relay's process", "state"),
    Command("gateway", "gateways: list, add, edit, verify, …", "gateways"),
    Command("domain", "which mail leaves by which gateway", "objects"),
    Command("listener", "where mail comes in", "objects"),
    Command("network", "clients that may relay without signing in", "objects"),
    Command("user", "users who may relay after signing in", "objects"),
    Command("settings", "settings of server, delivery, spool, …", "sections"),
    Command("spam", "spam sources and thresholds", "sections"),
    Command("virus", "virus scanning", "sections"),
    Command("secret", "stored passwords: list, set, remove", "secrets"),
    Command("vault", "where passwords are kept", "secrets"),
    Command("service", "the relay as a service of this system: install, start, …", "service"),
    Command("relay-list", "relays on other machines: list, add, pin, remove", "relay_list"),
    Command("remote", "administration from other machines: state, certificate", "remote"),
    Command("token", "who may administer from other machines: list, add, revoke", "remote"),
    Command("spool", "mail that waits: list, retry, hold, delete, …", "spool"),
    Command("quarantine", "mail held as spam or for a virus: list, show, release, delete", "quarantine"),
    Command("inbox", "the test inbox: list, show, wait, release, delete, clear, export", "inbox"),
    Command("tray", "trays that captured mail is divided into", "objects"),
    Command("fault", "faults injected on purpose, to test senders", "objects"),
    Command("dkim", "keys that mail is signed with, and their DNS records", "dkim"),
    Command("track", "what became of a message", "mail"),
    Command("explain", "where mail would go, and why", "mail"),
    Command("send-test", "send a test message", "mail"),
    Command("verdicts", "what is remembered of recipients", "mail"),
    Command("config", "export, import, revisions", "config"),
    Command("import", "coming from Postfix, hMailServer, IIS or SmarterMail", "importing"),
    Command("alarms", "trouble that has lasted, and a test of the notice by mail", "alarms"),
    Command("events", "follow what happens", "state"),
    Command("metrics", "figures in Prometheus' format", "state"),
    Command("completion", "completion for bash, zsh or fish", "completion"),
    Command("help", "exit codes and other topics", "help"),
)

BY_NAME = {command.name: command for command in COMMANDS}
