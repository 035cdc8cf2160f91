"""Asking for one row, or for what several rows shall have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from PySide6.QtWidgets import QWidget

from ....model.domain import DomainRule
from ....model.errors import Issue
from ....model.issues import issues_of
from ...cards import ChoiceField, Dialog, FieldRow, ListField, Switch, TextField, label
from ...forms.wording import words
from ...i18n import ntr, tr
from ...theme import Role
from ..route_field import RouteField
from ..wording import Plain
from .draft import already_there, new_rules


class RuleDialog(Dialog):
    """``rules`` is what the person wants instead of those that it was opened with, once ``ask`` answered ``done``.

    Without rules it asks for new ones: many domains at once. With several, their domains stay what they are.
    """

    def __init__(self, parent: QWidget, draft: Sequence[Plain], gateways: Sequence[Plain], rules: Sequence[Plain] = ()) -> None:
        title = ntr("Edit {n} row", "Edit {n} rows", len(rules)) if rules else tr("Add domains")
        super().__init__(parent, title, width=560)
        self._draft = draft
        self._before = rules
        self.rules: list[dict[str, Any]] = []
        self.add(label(title, Role.HEADING))
        self.domains: FieldRow | None = None
        if not rules:
            self.domains = FieldRow(
                tr("Domains"),
                ListField(add_text=tr("Add a domain"), placeholder="example.com"),
                tr("A domain, or *.example.com for all below it. Paste many lines to add many."),
            )
        elif len(rules) == 1:
            field = TextField("example.com")
            field.setText(rules[0]["domain"])
            self.domains = FieldRow(tr("Domain"), field, tr("A domain, or *.example.com for all below it."))
        if self.domains is not None:
            self.add(self.domains)
        self.match = FieldRow(
            tr("Matches"),
            ChoiceField((("sender", tr("Mail from these senders")), ("recipient", tr("Mail to these recipients")))),
        )
        self.route = RouteField()
        self.route.set_gateways(gateways)
        self.enabled = FieldRow("", Switch(tr("Enabled")))
        self.add(self.match)
        self.add(self.route.holder)
        self.add(self.enabled)
        self._fill(rules[0] if rules else None)
        self.add_button("", tr("Cancel"))
        done = self.add_button("done", tr("Apply") if rules else tr("Add"), Role.PRIMARY, is_default=True)
        done.clicked.disconnect()
        done.clicked.connect(self._finish)

    def _fill(self, rule: Plain | None) -> None:
        match: Any = self.match.field
        enabled: Any = self.enabled.field
        match.set_value(rule["match"] if rule else "sender")
        enabled.setChecked(rule["enabled"] if rule else True)
        self.route.set_value(rule["route"] if rule else None)

    def _finish(self) -> None:
        made = self._made()
        issues = self._issues(made)
        if self.domains is not None:
            self._show(issues)
        elif issues:
            self.match.set_error(words(issues[0]))
        if not issues:
            self.rules = made
            self.answer("done")

    def _made(self) -> list[dict[str, Any]]:
        match_field: Any = self.match.field
        enabled: Any = self.enabled.field
        match, route, on = str(match_field.value()), self.route.value(), enabled.isChecked()
        if not self._before:
            return new_rules(self._domains(), match, route, enabled=on)
        domains = self._domains() or tuple(rule["domain"] for rule in self._before)
        return [
            {**rule, "domain": domain, "match": match, "route": dict(route), "enabled": on}
            for rule, domain in zip(self._before, domains, strict=True)
        ]

    def _domains(self) -> tuple[str, ...]:
        if self.domains is None:
            return ()
        field = self.domains.field
        return field.values() if isinstance(field, ListField) else (field.text().strip(),)  # type: ignore[attr-defined]

    def _issues(self, made: list[dict[str, Any]]) -> list[Issue]:
        """By the place of the domain; those that are right are written as the relay writes them."""
        if not made:
            return [Issue("domain", tr("this is needed"))]
        found: list[Issue] = []
        for number, rule in enumerate(made):
            try:
                rule["domain"] = DomainRule.model_validate(rule).domain
            except ValidationError as error:
                found.extend(Issue(f"domain.{number}", issue.message, issue.code) for issue in issues_of(error, DomainRule))
        ids = [rule["id"] for rule in self._before]
        domains = [rule["domain"] for rule in made]
        return found or already_there(self._draft, made[0]["match"], domains, ids)

    def _show(self, issues: list[Issue]) -> None:
        assert self.domains is not None  # noqa: S101 - asked by the caller
        field = self.domains.field
        if isinstance(field, ListField):
            numbered = {int(issue.field.partition(".")[2]): words(issue) for issue in issues if "." in issue.field}
            field.set_errors(numbered)
            self.domains.set_error("" if numbered or not issues else words(issues[0]))
            if issues:
                field.focus_value(min(numbered, default=0))
        else:
            self.domains.set_error(words(issues[0]) if issues else "")
