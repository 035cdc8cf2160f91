"""Draw the program's icon for each system from resources/icons/gatepost.svg into build/icons.

    python packaging/setup/artwork.py

``gatepost.svg`` and ``gatepost-SIZE.png`` for Linux, ``gatepost.ico`` for Windows, ``gatepost.icns`` for macOS, and
``version.txt``, what Windows shows as the programs' properties.
"""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ROOT = Path(__file__).resolve().parents[2]
DRAWING = ROOT / "resources" / "icons" / "gatepost.svg"
FOLDER = ROOT / "build" / "icons"
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
ICNS_TYPES = {b"icp4": 16, b"icp5": 32, b"ic07": 128, b"ic08": 256, b"ic09": 512, b"ic11": 32, b"ic12": 64, b"ic13": 256}
"""Kinds of picture in an .icns file that hold a PNG, with their sizes in pixels."""
GROUND, STROKES = "#2b5fd9", "#ffffff"


def app_icon() -> str:
    """The drawing in white on a rounded square, as SVG."""
    found = re.search(r"<svg[^>]*>(.*)</svg>", DRAWING.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise ValueError(f"{DRAWING} is no drawing")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="128" height="128" viewBox="0 0 24 24">\n'
        f'  <rect x="0.75" y="0.75" width="22.5" height="22.5" rx="5.2" fill="{GROUND}"/>\n'
        f'  <g transform="translate(2.3 2.6) scale(0.78)" fill="none" stroke="{STROKES}" stroke-width="2" '
        f'stroke-linecap="round" stroke-linejoin="round">{found[1].rstrip()}\n  </g>\n</svg>\n'
    )


def png(drawing: str, side: int) -> bytes:
    picture = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(content.data())


def ico(pictures: dict[int, bytes]) -> bytes:
    """Windows' container: a directory, then the pictures as PNG."""
    at = 6 + 16 * len(pictures)
    directory, body = struct.pack("<HHH", 0, 1, len(pictures)), b""
    for side, content in pictures.items():
        directory += struct.pack("<BBBBHHII", side % 256, side % 256, 0, 0, 1, 32, len(content), at + len(body))
        body += content
    return directory + body


def icns(pictures: dict[bytes, bytes]) -> bytes:
    """macOS' container: chunks with a type and their length, everything big endian."""
    body = b"".join(kind + struct.pack(">I", len(content) + 8) + content for kind, content in pictures.items())
    return b"icns" + struct.pack(">I", len(body) + 8) + body


def version_resource(version: str) -> str:
    """PyInstaller's form of a VERSIONINFO."""
    numbers = tuple(int(part) for part in (re.findall(r"\d+", version) + ["0"] * 4)[:4])
    texts = {
        "CompanyName": "Gatepost contributors",
        "FileDescription": "Gatepost mail gateway",
        "FileVersion": version,
        "LegalCopyright": "MIT License",
        "ProductName": "Gatepost",
        "ProductVersion": version,
    }
    strings = ", ".join(f"StringStruct({name!r}, {text!r})" for name, text in texts.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3F, flags=0, OS=0x40004, fileType=1,"
        f" subtype=0, date=(0, 0)), kids=[StringFileInfo([StringTable('040904B0', [{strings}])]),"
        " VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )


def main() -> int:
    sys.path.insert(0, str(ROOT / "app"))
    from gatepost import __version__

    drawing = app_icon()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "gatepost.svg").write_text(drawing, encoding="utf-8")
    for side in SIZES:
        (FOLDER / f"gatepost-{side}.png").write_bytes(png(drawing, side))
    (FOLDER / "gatepost.ico").write_bytes(ico({side: png(drawing, side) for side in ICO_SIZES}))
    (FOLDER / "gatepost.icns").write_bytes(icns({kind: png(drawing, side) for kind, side in ICNS_TYPES.items()}))
    (FOLDER / "version.txt").write_text(version_resource(__version__), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
