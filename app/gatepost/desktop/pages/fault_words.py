"""Fault rules in words: what happens to senders on purpose, and at which stage. Takes plain data, as the API shows it."""

from __future__ import annotations

from ..i18n import tr
from ..words import number_text
from .wording import Plain


def stage_words(stage: str) -> str:
    return {
        "connect": tr("When it connects"),
        "ehlo": tr("At EHLO"),
        "auth": tr("When it signs in"),
        "mail": tr("At MAIL FROM"),
        "rcpt": tr("At RCPT TO"),
        "data": tr("At DATA"),
        "dot": tr("At the end of the message"),
    }.get(stage, stage)


def fault_words(rule: Plain) -> str:
    """“At RCPT TO: refused with 451 …”."""
    fault = rule["fault"]
    late = number_text(fault.get("seconds", 0))
    what = {
        "refuse": tr("refused with {code} {text}", code=fault.get("code", ""), text=fault.get("text", "")),
        "delay": tr("answered {n} s late", n=late),
        "drop": tr("connection dropped"),
    }.get(fault["action"], fault["action"])
    return tr("{stage}: {what}", stage=stage_words(rule["stage"]), what=what)


def rule_name(rule: Plain) -> str:
    """What a person calls it."""
    return str(rule["description"] or fault_words(rule))
