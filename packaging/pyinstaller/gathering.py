"""What goes into a bundle besides the modules that PyInstaller finds, and what it finds that stays out."""

from __future__ import annotations

import re
import sys
import sysconfig
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SITE_FONTS = Path("/usr/share/fonts/opentype/inter")
"""Where Debian's fonts-inter keeps them."""
FONTS = ("Inter-Regular.otf", "Inter-Italic.otf", "Inter-Medium.otf", "Inter-SemiBold.otf", "Inter-Bold.otf")
FONT_LICENCE = Path("/usr/share/doc/fonts-inter/copyright")
LICENCES = ROOT / "packaging" / "licences"
"""Texts that packages ask to be passed on with them and do not bring themselves, each in a folder by the package's name."""

# An entry of PyInstaller's tables of contents: the name in the bundle, the file, the kind.
Entry = tuple[str, str, str]

_PLUGINS = {
    "iconengines": r"qsvgicon",
    "imageformats": r"q(gif|ico|jpeg|svg|webp)",
    "platforms": r"q(xcb|wayland|offscreen|windows|cocoa)",
    "platforminputcontexts": r"(compose|ibus)platforminputcontextplugin",
    "platformthemes": r"qxdgdesktopportal",
    "styles": r".*",
    "wayland-decoration-client": r".*",
    "wayland-graphics-integration-client": r"qt-plugin-wayland-egl",
    "wayland-shell-integration": r"xdg-shell",
    "xcbglintegrations": r".*",
}
"""Qt's plugins that the app uses: icons and pictures in mail, windows, keyboards, file dialogs."""
_MODULES = {"Core", "Gui", "Svg", "Widgets"}
"""Qt's modules that the app imports; what those link to comes with them."""
_PLUGIN = re.compile(r"PySide6/(?:Qt/)?plugins/([^/]+)/(?:lib)?([^/.]+)\.")
_BINDING = re.compile(r"PySide6/Qt(\w+)\.(?:abi3\.so|pyd)$")
_SYSTEM_FOLDERS = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")


def is_wanted(entry: Entry) -> bool:
    """Whether a file that PyInstaller found belongs into the bundle."""
    name, source, kind = entry[0].replace("\\", "/"), entry[1], entry[2]
    if plugin := _PLUGIN.search(name):
        folder, stem = plugin.groups()
        return folder in _PLUGINS and re.fullmatch(_PLUGINS[folder], stem) is not None
    if "/translations/" in name and name.startswith("PySide6/"):
        return False  # the app brings its own, for Qt's few words too
    if binding := _BINDING.search(name):
        return binding[1] in _MODULES
    # Linux: what the distribution keeps up to date is the distribution's; only Python's own library comes along.
    is_system = kind in ("BINARY", "SYMLINK") and sys.platform.startswith("linux") and source.startswith(_SYSTEM_FOLDERS)
    return not is_system or Path(name).name.startswith("libpython")


def needless(entries: list[Entry], roots: list[Entry]) -> set[str]:
    """Names of Qt libraries that nothing in ``roots`` links to, directly or by another library. Linux only."""
    if not sys.platform.startswith("linux"):
        return set()
    from PyInstaller.depend.bindepend import get_imports

    libraries = {Path(name).name: (name, source) for name, source, _ in entries if "PySide6/Qt/lib/" in name}
    waiting = [source for name, source, kind in roots if kind in ("BINARY", "EXTENSION") and "PySide6/Qt/lib/" not in name]
    waiting = [source for source in waiting if "PySide6" in source or "shiboken6" in source]
    used: set[str] = set()
    while waiting:
        for needed, _ in get_imports(waiting.pop()):
            soname = Path(needed).name
            if soname in libraries and soname not in used:
                used.add(soname)
                waiting.append(libraries[soname][1])
    return {name for soname, (name, _) in libraries.items() if soname not in used}


def locked(*names: str) -> list[str]:
    """The packages of the lock files ``names``."""
    found = []
    for name in names:
        for line in (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                found.append(line.partition("==")[0])
    return found


def modules_of(packages: list[str]) -> list[str]:
    """The top-level modules of what is installed of ``packages``."""
    found: set[str] = set()
    for name in packages:
        try:
            files = distribution(name).files or ()
        except PackageNotFoundError:
            continue
        for file in files:
            top = file.parts[0]
            if file.suffix == ".py" and not top.startswith(".") and ".dist-info" not in top:
                found.add(top.removesuffix(".py"))
    return sorted(found)


def resources() -> list[tuple[str, str]]:
    """Icons, translations and help texts, what these name for monitoring, and the font for desktops that name none."""
    names = ("icons", "translations", "help", "service", "monitoring")
    found = [(str(ROOT / "resources" / name), f"resources/{name}") for name in names]
    if SITE_FONTS.is_dir():
        found += [(str(SITE_FONTS / name), "resources/fonts") for name in FONTS]
    return found


def licences() -> list[tuple[str, str]]:
    """The licence of Gatepost, of each package in the bundle, of Python and of the font, each in a folder by its name."""
    found = [(str(ROOT / "LICENSE"), "licenses/gatepost")]
    for name in locked("relay", "desktop"):
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # of another system
        texts = [*licence_files(package), *(str(text) for text in sorted((LICENCES / name).glob("*")))]
        found += [(text, f"licenses/{name}") for text in texts]
    standard = Path(sysconfig.get_paths()["stdlib"])
    for candidate in (
        standard / "LICENSE.txt",
        Path(sys.base_prefix) / "LICENSE.txt",
        Path("/usr/share/doc/python3/copyright"),
    ):
        if candidate.is_file():
            found.append((str(candidate), "licenses/python"))
            break
    if FONT_LICENCE.is_file() and SITE_FONTS.is_dir():
        found.append((str(FONT_LICENCE), "licenses/inter"))
    return found


def licence_files(package: Distribution) -> list[str]:
    """Beside its metadata; a package that brings no text still says in its metadata which licence it is under.

    The folder is looked through, not the package's own list of files: one that an old tool installed (``.egg-info``) lists
    what it was made from.
    """
    said = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
    texts, metadata = [], []
    for file in sorted(path for folder in _metadata_folders(package) for path in folder.rglob("*") if path.is_file()):
        if said.search(file.name) or "licenses" in file.parts:
            texts.append(str(file))
        elif file.name in ("METADATA", "PKG-INFO"):
            metadata.append(str(file))
    return texts or metadata


def _metadata_folders(package: Distribution) -> list[Path]:
    def plain(text: str) -> str:
        return re.sub(r"[-_.]+", "-", text).lower()

    start = plain(f"{package.metadata['Name']}-{package.version}-")
    folders = Path(str(package.locate_file(""))).glob("*-info")
    return [folder for folder in folders if folder.is_dir() and plain(folder.name).startswith(start)]
