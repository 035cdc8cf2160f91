"""Verify Connection: the dialog that tries the way to the next hop, and says in plain words what to do where it fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from ....control.client import Client
from ....model.errors import GatepostError, InvalidInput, Issue
from ....model.report import SeenCertificate, StageState, VerifyStage
from ....model.secret import Secret
from ...cards import Banner, Tone, assign_mnemonics, label, rows
from ...i18n import tr
from ...relay_texts import said, told
from ...theme import Role
from . import words
from .stages import StageList, transcript
from .work_dialog import WorkDialog

SEEN_MS = 500
"""Success stands there for this long before it closes the dialog."""


class Verdict(StrEnum):
    PASSED = "passed"
    SAVE_ANYWAY = "save-anyway"
    PIN = "pin"
    """Accept only the certificate that was seen, then try again."""
    CLOSED = "closed"


class VerifyDialog(WorkDialog):
    """``for_saving``: success ends the dialog by itself, failure offers to save anyway. Whoever closes it saves nothing."""

    def __init__(
        self,
        client: Client,
        gateway: dict[str, Any],
        password: Secret | None,
        *,
        for_saving: bool,
        is_doctor: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        self._title = tr("Sign-in doctor") if is_doctor else tr("Verify connection")
        super().__init__(self._title, "verify", 620, 640, parent)
        self._is_doctor = is_doctor
        self._client = client
        self._gateway = gateway
        self._password = password
        self._for_saving = for_saving
        self.verdict = Verdict.CLOSED
        self.certificate: SeenCertificate | None = None
        self.refused: list[Issue] = []
        """What the relay did not like about the gateway itself; the dialog has closed then."""
        self._build()

    def _build(self) -> None:
        body = self.body
        head = QWidget()
        lines = rows(head, gap=3)
        lines.addWidget(label(self._title, Role.HEADING))
        lines.addWidget(label(words.address_of(self._gateway), Role.MUTED, wrap=True))
        body.add(head)
        self.summary = Banner(Tone.ACCENT, tr("Trying the connection. Nothing is sent."))
        body.add(self.summary)
        self.stages = StageList()
        body.add(self.stages)
        self._certificate = Banner(Tone.ACCENT)
        self._certificate.hide()
        body.add(self._certificate)
        self._copy = self._copy_button(tr("Copy transcript"), self._transcript, "verify-copy")
        self._copy.setEnabled(False)
        self._again = self._button(tr("Try again"), self._begin)
        self._anyway = self._button(tr("Save anyway"), lambda: self._end(Verdict.SAVE_ANYWAY), "verify-save-anyway")
        self._close = self._button(tr("Cancel"), self.reject, "verify-close")
        self._again.hide()
        self._anyway.hide()

    async def run(self) -> Verdict:
        """Try, and wait for what the person makes of it. Closing the dialog ends the probe."""
        self._begin()
        await self.shown()
        return self.verdict

    # --- probing ---

    def _begin(self) -> None:
        self.certificate = None
        self._certificate.hide()
        self._certificate.clear_actions()
        self._again.hide()
        self._anyway.hide()
        self._copy.reset()
        self._copy.setEnabled(False)
        self._close.setText(tr("Cancel"))
        self.summary.tell(Tone.ACCENT, tr("Trying the connection. Nothing is sent."))
        self.stages.begin(str(self._gateway.get("encryption")), is_doctor=self._is_doctor)
        self._tasks.spawn(self._probe(), "verify: probe")

    async def _probe(self) -> None:
        try:
            async for stage in self._found():
                self.stages.tell(stage)
                self._copy.reset()
                self._copy.setEnabled(True)
                if stage.certificate is not None:
                    self.certificate = stage.certificate
        except InvalidInput as error:  # the form says it, where it can be mended
            self.refused = error.issues
            self.reject()
            return
        except GatepostError as error:
            self.stages.stop()
            self._failed(said(error.title), told(error.detail, error.hint))
            return
        self.stages.stop()
        self._tell_result()

    def _found(self) -> AsyncIterator[VerifyStage]:
        if self._is_doctor:
            return self._client.oauth_doctor(str(self._gateway["id"]), self._gateway, self._password)
        return self._client.verify(self._gateway, self._password)

    def _unexpected(self, error: BaseException, _name: str) -> None:
        self.stages.stop()
        self._failed(tr("The connection could not be verified."), str(error))

    def _tell_result(self) -> None:
        if self.stages.has_failed:
            first = next(stage for stage in self.stages.stages if stage.state is StageState.FAILED)
            self._failed(said(first.result) or tr("The connection does not work."), said(first.advice))
            self._offer_certificate(tr("Its certificate was not accepted."))
            return
        self._close.setText(tr("Close"))
        if self.stages.has_warned:
            self.summary.tell(Tone.WARNING, tr("The connection works, with a warning."))
            self._offer_certificate(tr("The server showed this certificate."))
        else:
            self.summary.tell(Tone.GOOD, tr("The connection works."))
        if self._for_saving:
            QTimer.singleShot(SEEN_MS, self, lambda: self._end(Verdict.PASSED))
        assign_mnemonics(self)

    def _failed(self, title: str, advice: str) -> None:
        self.summary.tell(Tone.BAD, title, advice)
        self._close.setText(tr("Back to the form") if self._for_saving else tr("Close"))
        self._again.show()
        self._anyway.setVisible(self._for_saving)
        assign_mnemonics(self)

    def _offer_certificate(self, title: str) -> None:
        seen = self.certificate
        if seen is None or seen.trusted or self._is_pinned(seen):
            return
        until = tr("until {day}", day=words.moment(seen.not_after)) if seen.not_after is not None else ""
        facts = "\n".join(
            part
            for part in (
                tr("For {name}", name=seen.subject) if seen.subject else "",
                tr("Issued by {name}", name=seen.issuer) if seen.issuer else "",
                tr("Valid {until}", until=until) if until else "",
                words.spaced_fingerprint(seen.fingerprint),
            )
            if part
        )
        self._certificate.tell(Tone.NEUTRAL, title, facts)
        self._certificate.add_action(tr("Accept only this certificate"), lambda: self._end(Verdict.PIN))
        self._certificate.show()

    def _is_pinned(self, seen: SeenCertificate) -> bool:
        return bool(self._gateway["certificate"].get("fingerprint") == seen.fingerprint)

    # --- ending ---

    def _end(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.accept()

    def _transcript(self) -> str:
        return transcript(self.stages.stages, words.address_of(self._gateway))
