"""The set-up scripts are programs, not a package: their folder is put on the path for these tests."""

import sys
from pathlib import Path

_PACKAGING = Path(__file__).resolve().parents[3] / "packaging"
sys.path[:0] = [str(_PACKAGING / "setup"), str(_PACKAGING / "pyinstaller")]
