"""The samples, and what a proposal says."""

from __future__ import annotations

from pathlib import Path

from gatepost.importing.kinds import ImportKind, propose
from gatepost.importing.proposal import Finding, FindingKind, Part, Proposal, SourceFile

SAMPLES = Path(__file__).parent / "samples"


def sample(*names: str, folder: str = "") -> list[SourceFile]:
    """Named as their server has them."""
    return [SourceFile(f"{folder}{name}", (SAMPLES / name).read_text(encoding="utf-8")) for name in names]


def postfix_sample(*left_out: str) -> list[SourceFile]:
    files = sorted((SAMPLES / "postfix").iterdir())
    return [SourceFile(f"/etc/postfix/{path.name}", path.read_text()) for path in files if path.name not in left_out]


def of_postfix(main: str, **tables: str) -> Proposal:
    files = [SourceFile("main.cf", main)]
    files += [SourceFile("master.cf" if name == "master" else name, text) for name, text in tables.items()]
    return propose(ImportKind.POSTFIX, files)


def part(proposal: Proposal, words: str) -> Part:
    """The one part whose title has these words."""
    found = [one for one in proposal.parts if words in one.title]
    assert len(found) == 1, [one.title for one in proposal.parts]
    return found[0]


def setting(proposal: Proposal, path: str) -> object:
    return next((one.value for one in proposal.parts if one.key == f"setting:{path}"), None)


def said(proposal: Proposal, kind: FindingKind, words: str) -> Finding:
    found = [one for one in proposal.findings if one.kind is kind and words in one.text]
    assert found, [one.text for one in proposal.findings if one.kind is kind]
    return found[0]
