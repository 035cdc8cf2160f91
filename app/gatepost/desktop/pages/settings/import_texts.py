"""What the relay says of another server's files, in the person's language. What is not known here is shown as it came."""

from __future__ import annotations

import re
from functools import cache

from ...i18n import mark, tr
from ...relay_texts.sentences import Templates
from .listeners import mode_words, tls_words

_SENTENCES = (
    # what can be taken over
    mark("Takes mail for {domains} and hands it to {addresses} port {port}"),
    mark("Gateway {host} port {port}, {security}, signing in as {name}"),
    mark("Gateway {host} port {port}, {security}"),
    mark("Mail to {domain} leaves {way}"),
    mark("Mail of {domain} leaves {way}"),
    mark("{network} may send anywhere"),
    mark("Listens on {address} port {port} ({mode}, TLS: {tls})"),
    mark("This server's name is {name}"),
    mark("Messages may have {size} octets"),
    mark("Mail waits for {n} hours at most ({tries} tries, {minutes} minutes apart)"),
    mark("Mail waits for {n} hours at most"),
    mark("Senders are told of a delay after {n} hours"),
    mark("Senders are not told of a delay"),
    mark("Attempts are repeated after {minutes} minutes"),
    mark("Mail for the postmaster goes to {address}"),
    mark("Messages with more than {n} hops are refused"),
    mark("Messages put as files into {folder} are sent"),
    mark("Mail without a rule goes directly to the mail hosts of its recipients"),
    mark("Mail without a rule leaves by this: {gateway}"),
    # their parts
    mark("directly, by MX"),
    mark("by {host} port {port}, {security}, signing in as {name}"),
    mark("by {host} port {port}, {security}"),
    mark("without encryption"),
    mark("STARTTLS when offered"),
    mark("STARTTLS required"),
    mark("TLS from the start"),
    # files and tables
    mark("{what} stand in {file}: give that file, too."),
    mark("{what} stand in a {kind} table ({file}), which cannot be read here."),
    mark("{what} stand in a {kind} table, which cannot be read here."),
    mark("{what}: a static table gives the same answer to all; it is not taken over."),
    mark("{what}: the exception {network} is not taken over."),
    mark("{what}: {line} is not taken over."),
    mark("The passwords"),
    mark("The TLS policies"),
    mark("The transports"),
    mark("The relay hosts by sender"),
    mark("The relayed domains"),
    mark("The recipients"),
    mark("The trusted networks"),
    mark("Listeners on other ports than 25"),
    mark("This line was not understood: {line}"),
    mark("No parameter that is taken over points to this file."),
    # gateways
    mark("The password of {name} at {host} has to be typed anew."),
    mark("The password of {name} at {host} goes to the vault."),
    mark("The passwords are not taken over: smtp_sasl_auth_enable is not on, so Postfix never used them."),
    mark("The destination {text} was not understood."),
    mark(
        "Postfix asks the DNS for the mail hosts (MX) of {host}; a gateway here is the host itself. If {host} has MX records, "
        "write one of those hosts into the gateway."
    ),
    mark("The TLS level {level} is not known; STARTTLS with a verified certificate is proposed."),
    mark("DANE ({level}) is not known to Gatepost; look at the encryption of {host}."),
    mark(
        "{server} signed in to {host} without requiring TLS. A password is not sent in the clear here: STARTTLS is required "
        "now."
    ),
    mark("Postfix did not check the certificate of {host}, and it is taken over like that."),
    mark("hMailServer did not verify the certificate of {host}; Gatepost does from now on."),
    mark("No SHA-256 fingerprint was found for {host}: its certificate is verified instead."),
    mark("The connection security {number} of {host} is not known; STARTTLS is required now."),
    mark("IIS sent to {host} in the clear; STARTTLS is used here when it is offered."),
    mark("IIS sent the password to {host} in the clear. STARTTLS is required here."),
    mark("IIS signed in to {host} by NTLM; Gatepost signs in with username and password."),
    mark(
        "IIS tried direct delivery first and the smart host after that. Here mail goes by the gateway; choose direct delivery "
        "in Settings → Delivery if you want that."
    ),
    mark("Mail left from {address}: set it at the gateways (sending addresses)."),
    # rows
    mark("Mail for {domain} is refused or thrown away there ({transport}): Gatepost has nothing like it."),
    mark("Mail for {domain} is handed to a program ({transport}): Gatepost has nothing like it."),
    mark("A way out for one address ({address}) is not known to Gatepost."),
    mark("A relay host for one sender ({address}) is not known to Gatepost; only for domains."),
    mark("The route of {domain} is for some addresses only; here a row is for the whole domain."),
    mark("{domain} goes the default way; no row is needed."),
    # domains of a primary server
    mark(
        "{domain} is relayed to its mail hosts of the DNS. Gatepost needs to know the primary server's address: add a Backup "
        "MX or a Domain Forward gateway for it."
    ),
    mark("{domain} is relayed to {host}. A Domain Forward gateway takes IP addresses: add one with the addresses of {host}."),
    mark(
        "Mail for {domain} is taken from anywhere and handed to {host}. A Domain Forward gateway takes IP addresses: add one "
        "with the addresses of {host}."
    ),
    mark(
        "Mail for {domain} is taken from anywhere and handed to {host}. A Domain Forward gateway takes IP addresses: add one "
        "for it."
    ),
    mark("No list of recipients is known for {domains}: consider asking the primary (user verification)."),
    mark("Every address of {domain} is valid: no list is proposed for it."),
    mark("{name} is a local domain of IIS (its drop folder); Gatepost keeps no mailboxes."),
    mark("The domain {name} has its mailboxes in hMailServer; Gatepost keeps none."),
    mark("The domain {name} is disabled in SmarterMail."),
    mark("It speaks of gateways. How SmarterMail writes them down is not published: enter them yourself."),
    mark(
        "The address of the SmarterMail server is not in these files. The gateway is proposed switched off and with the "
        "address {address}, which leads nowhere: write the right one into it and switch it on. Better still, fill in its "
        "SmarterMail card: then its domains and users are asked for live."
    ),
    # who may send, and where
    mark("{network} lets (nearly) everyone on the internet send: it is not taken over."),
    mark("The exception {network} is not known here: check that no trusted network covers it."),
    mark("Postfix trusted its networks by style “{style}”: name the networks that may send."),
    mark("No list of relaying computers is set: name the networks that may send."),
    mark("The list of relaying computers has a form that is not known: name them yourself."),
    mark("The IP range “{name}” ends by itself (a ban, most likely); it is not taken over."),
    mark("The IP range “{name}” ({network}) may not connect in hMailServer; Gatepost has no such ban."),
    mark(
        "The IP range “{name}” ({network}) may send from local addresses only. A trusted network here may send from any "
        "address: add it yourself if that is right."
    ),
    mark("The IP range “{name}” may not send to the outside without signing in: as everybody here."),
    mark("Port {port} takes mail back from a content filter; here are spam and virus settings instead."),
    mark("Port {port} is for POP3 or IMAP."),
    mark("Postfix listened on the address of {name}: choose the address of a listener for it."),
    mark("No certificate file is set: a self-signed one is made until you choose one."),
    mark("Several chain files are set; the first one is taken: {file}."),
    # the rest
    mark("Postfix took messages of any size; here is always a limit: see Settings → Spool."),
    mark("A limit for all messages of a session (MaxSessionSize) is not known here."),
    mark("IIS wrote {domain} into sender addresses (MasqueradeDomain); addresses are not rewritten here."),
    mark("MaxRecipients is {n}; at least 100 have to be taken (RFC 5321): the default is used."),
    mark("The backup was made without settings: only what it has of routes and domains is read."),
    mark("{n} rules of hMailServer are not taken over."),
    mark("Gatepost keeps no mailboxes and has no local users"),
    mark("who may send what is decided by trusted networks, relay users and inbound gateways here"),
    mark("make relay users with passwords of their own instead"),
    mark("spam and viruses are looked for by the spam and virus settings here"),
    mark("addresses and headers are not rewritten here"),
    mark("it has no meaning here"),
    mark("TLS 1.2 or newer with the system's trust and ciphers is used here"),
    mark("Gatepost has no such setting"),
)
_SPOKEN = frozenset({"what", "way", "security", "gateway"})
"""Groups that are texts of the relay themselves."""
_PARAMETER = re.compile(r"(?P<name>[A-Za-z0-9_]+): (?P<why>.+)\.")
"""``smtpd_milters: spam and viruses are …``"""


@cache
def _templates() -> Templates:
    return Templates(_SENTENCES, {})


def said(text: str) -> str:
    """A part's title or a finding of ``gatepost.importing``."""
    for template, match in _templates().whole(text):
        return tr(template.text, **{name: _part(name, part) for name, part in match.groupdict().items()})
    if (found := _PARAMETER.fullmatch(text)) and (why := said(found["why"])) != found["why"]:
        return f"{found['name']}: {why}."
    return text


def _part(name: str, part: str) -> str:
    if name in _SPOKEN:
        return said(part)
    return mode_words(part) if name == "mode" else tls_words(part) if name == "tls" else part


def is_known(text: str) -> bool:
    """Whether there is a sentence for it: tests look for what is not."""
    found = _PARAMETER.fullmatch(text)
    return any(True for _ in _templates().whole(text)) or bool(found and is_known(found["why"]))
