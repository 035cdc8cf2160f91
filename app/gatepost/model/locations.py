"""Where Gatepost keeps its things on each system. Names only; nothing is created here."""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from pathlib import Path


def default_data_folder() -> Path:
    """``$GATEPOST_DATA`` if set, else the user's data folder for Gatepost."""
    if named := os.environ.get("GATEPOST_DATA"):
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("gatepost", appauthor=False)


def default_vault_key_file() -> Path:
    """Where the sealed vault's key stands unless the administrator names another file: never in the data folder."""
    from platformdirs import user_config_path

    return user_config_path("gatepost", appauthor=False) / "vault.key"


def relay_log(data_folder: Path) -> Path:
    """The newest part of the relay's log."""
    return data_folder / "logs" / "relay.log"


def runtime_folder(data_folder: Path) -> Path:
    """The folder of the control socket and the endpoint file of the relay that uses ``data_folder``.

    Short, because a Unix socket's path holds about 100 octets.
    """
    from platformdirs import user_runtime_path

    digest = hashlib.sha256(os.fsencode(data_folder.resolve())).hexdigest()[:12]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it falls back to a folder in /tmp, and warns; that will do
        runtime = user_runtime_path("gatepost", appauthor=False)
    return runtime / digest


SERVICE_GROUP = "gatepost"
"""Members may administer the installed service."""


def service_runtime_folder() -> Path:
    """Where the installed service has its control socket and its endpoint file. ``$GATEPOST_SERVICE`` names another one."""
    if named := os.environ.get("GATEPOST_SERVICE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "Gatepost" / "run"
    if sys.platform == "darwin":
        return Path("/Library/Application Support/Gatepost/run")
    return Path("/run/gatepost")


ENDPOINT = "endpoint.json"


def endpoint_file(data_folder: Path) -> Path:
    return runtime_folder(data_folder) / ENDPOINT
