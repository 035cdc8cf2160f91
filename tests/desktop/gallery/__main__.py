"""Write every scene as a picture: ``python -m tests.desktop.gallery [scene …]`` into build/screenshots.

Light and dark, with text of 100 % and 200 %. Needs no display.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "build" / "screenshots"
VARIANTS = (("light", 1.0), ("dark", 1.0), ("light", 2.0), ("dark", 2.0))


def main() -> int:
    parser = argparse.ArgumentParser(description="Write pictures of every page into build/screenshots.")
    parser.add_argument("scenes", nargs="*", help="only scenes whose name begins with one of these")
    parser.add_argument("--theme", choices=("light", "dark"), help="only this theme")
    parser.add_argument("--scale", type=float, help="only this size of text")
    parser.add_argument("--language", choices=("en", "de"), default="en")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    import qasync
    from PySide6.QtWidgets import QApplication

    from gatepost.desktop.i18n import set_language

    from .sample import sample_relay

    set_language(chosen.language)
    application = QApplication(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sample_relay(Path(temporary) / "relay") as relay:
        os.environ["XDG_RUNTIME_DIR"] = relay.environment["XDG_RUNTIME_DIR"]
        loop = qasync.QEventLoop(application)
        asyncio.set_event_loop(loop)
        for theme, scale in VARIANTS:
            if chosen.theme in (None, theme) and chosen.scale in (None, scale):
                loop.run_until_complete(_take(relay.data, Path(temporary), theme, scale, chosen.folder, chosen.scenes))
        loop.close()
    return 0


async def _take(data: Path, temporary: Path, choice: str, scale: float, folder: Path, names: list[str]) -> None:
    from .scenes import scenes
    from .studio import studio

    async with studio(data, temporary / "preferences.ini", choice=choice, text_scale=scale) as opened:
        for scene in scenes():
            if names and not any(scene.name.startswith(name) for name in names):
                continue
            await opened.show(scene)
            path = folder / f"{scene.name}-{choice}-{round(scale * 100)}.png"
            opened.picture().save(str(path))
            print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path, flush=True)


if __name__ == "__main__":
    sys.exit(main())
