"""What is tested is what lies in dist/: ``make package`` made it before."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .machine import ROOT, Machine

OLD = "0.0.9"
sys.path.insert(0, str(ROOT / "packaging" / "setup"))


@pytest.fixture(scope="session")
def new_deb() -> Path:
    import package

    found = ROOT / "dist" / f"gatepost_{package.version()}_amd64.deb"
    assert found.exists(), "make package first"
    return found


@pytest.fixture(scope="session")
def old_deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same files under an older version's number."""
    import package

    return package.deb(OLD, tmp_path_factory.mktemp("old"), quick=True)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    assert os.geteuid() == 0, "a machine of its own needs root"
    with Machine() as made:
        yield made
