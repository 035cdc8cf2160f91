"""A small program that sends mail, as yours may: it welcomes customers and sends them their invoices."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage


def welcome(customer: str, code: str, host: str, port: int) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@app.example>", customer, "Welcome to the shop"
    message.set_content(f"Your code is {code}.\n")
    message.add_alternative(f'<p>Your code is <b id="code">{code}</b>.</p>', subtype="html")
    _send(message, host, port)


def invoice(customer: str, number: int, pdf: bytes, host: str, port: int, copy_to: str = "") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@app.example>", customer, f"Invoice {number}"
    if copy_to:
        message["Bcc"] = copy_to
    message.set_content("You find your invoice attached.\n")
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"invoice-{number}.pdf")
    _send(message, host, port)


def _send(message: EmailMessage, host: str, port: int) -> None:
    with smtplib.SMTP(host, port) as server:
        server.send_message(message)
