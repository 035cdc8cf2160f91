"""A real relay with a listener that captures, for the Test inbox: mail of every make, hostile mail among it."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from gatepost.model.access import TrustedNetwork
from gatepost.model.capture import Capture, Tray
from gatepost.model.configuration import Configuration
from gatepost.model.gateway import Encryption, RoundRobinGateway
from gatepost.model.listener import Listener

from ..support.ports import free_port, is_listening
from ..support.relay_process import RelayProcess
from ..support.smtp_peer import SmtpPeer
from .mail import picture

LISTENER = "ls-dev"
PROVIDER = "gw-provider"
SHOP = "tray-shop"


def letter(sender: str, to: str, subject: str, text: str = "Hello,\n\nsee above.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = f"<{subject.replace(' ', '-')}@test.example>"
    message.set_content(text)
    return message


def rich(subject: str, html: str) -> EmailMessage:
    """Text, HTML with a picture of its own, and attachments whose names are traps."""
    message = letter("Webshop <shop@example.org>", "anna@shop.example", subject, "Your order is on its way.\n")
    message.add_alternative(html, subtype="html")
    message.get_payload()[1].add_related(picture(), "image", "png", cid="<logo@shop>")  # type: ignore[union-attr,index]
    message.add_attachment(b"%PDF-1.4 an invoice", maintype="application", subtype="pdf", filename="../../.bashrc/invoice.pdf")
    message.add_attachment("a,b\n1,2\n", subtype="csv", filename="figures.csv")
    return message


def hostile_html(base: str, folder: Path) -> str:
    """Every way out that is known, each to an address or a file that notices."""
    canary = (folder / "canary.png").as_uri()
    style = (folder / "canary.css").as_uri()
    return f"""<!DOCTYPE html><html><head><title>x</title><base href="{base}/base/">
<meta http-equiv="refresh" content="0;url={base}/refresh"><link rel="stylesheet" href="{base}/link.css">
<link rel="stylesheet" href="{style}"><link rel="dns-prefetch" href="{base}/prefetch"><link rel="icon" href="{base}/icon.png">
<style>@import url("{base}/import.css"); @import "{style}"; body {{ background: url({base}/background.png) }}
@font-face {{ font-family: f; src: url({base}/font.woff) }} p {{ font-family: f; list-style-image: url({canary}) }}</style>
<script src="{base}/script.js"></script><script>fetch("{base}/fetch"); new Image().src = "{canary}";</script></head>
<body background="{base}/body.png" onload="fetch('{base}/onload')"><p>Words that may be read.</p>
<img src="{base}/pixel.png" width="1" height="1"><img src="//{base.removeprefix("http://")}/scheme-less.png">
<img srcset="{base}/srcset.png 1x" src="cid:logo@shop"><img src="{canary}"><img src="{canary.removeprefix("file://")}">
<img src="canary.png"><img src="qrc:/canary.png"><img src="data:image/png;base64,AAAA"><img src="image://{base}/x">
<table background="{base}/table.png"><tr><td background="{canary}" style="background-image:url({base}/cell.png)">cell</td></tr>
</table>
<ul style="list-style-image:url({base}/list.png)"><li>item</li></ul><input type="image" src="{base}/input.png">
<form action="{base}/form" method="post"><input name="password"><button>Send</button></form>
<iframe src="{base}/frame"></iframe><iframe src="{canary}"></iframe><object data="{base}/object"></object>
<embed src="{base}/embed"><video src="{base}/video" poster="{base}/poster.png" autoplay></video>
<audio src="{base}/audio" autoplay></audio>
<svg><image href="{base}/svg.png"/><script>fetch("{base}/svg")</script></svg><math><mi xlink:href="{base}/math"></mi></math>
<a href="{base}/link?to=bank.example">https://bank.example</a> <a href="javascript:fetch('{base}/js')">script</a>
<a href="{canary}">file</a></body></html>"""


@dataclass(frozen=True)
class Developers:
    """``provider`` takes what is released."""

    relay: RelayProcess
    port: int
    provider: SmtpPeer

    def send(self, message: EmailMessage, recipients: Sequence[str] = ()) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
            client.send_message(message, to_addrs=list(recipients) or None)


@contextmanager
def developers(folder: Path) -> Iterator[Developers]:
    port = free_port()
    with SmtpPeer() as provider:
        relay = RelayProcess(folder)
        relay.configure(
            Configuration(
                listeners=(
                    Listener(id=LISTENER, address="127.0.0.1", port=port, description="Developers", handling=Capture()),
                ),
                gateways=(
                    RoundRobinGateway(
                        id=PROVIDER,
                        description="Main provider",
                        host="127.0.0.1",
                        port=provider.port,
                        encryption=Encryption.NONE,
                    ),
                ),
                trays=(Tray(id=SHOP, name="Shop", recipient="*@shop.example"),),
                trusted_networks=(TrustedNetwork(network="127.0.0.0/8"),),
            )
        )
        with relay:
            relay.process.wait_until(lambda: is_listening(port), "the listener is open", 20)
            yield Developers(relay, port, provider)
