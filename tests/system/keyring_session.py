"""Run inside ``dbus-run-session`` by test_keyring: the vault against the session's own Secret Service.

Argument: what to do. Prints one JSON object. Never run by pytest itself.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from gatepost.model.secret import Secret
from gatepost.vault import VaultError, open_vault

LONG = "t" * 5000 + "ä😀"


def unlock(password: str) -> None:
    subprocess.run(
        ["gnome-keyring-daemon", "--unlock", "--components=secrets", "--daemonize"],
        input=password.encode(),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=30,
    )


def lock() -> None:
    import secretstorage

    connection = secretstorage.dbus_init()
    secretstorage.get_default_collection(connection).lock()
    connection.close()


def stored_accounts() -> list[str]:
    import secretstorage

    connection = secretstorage.dbus_init()
    items = secretstorage.search_items(connection, {"service": "Gatepost"})
    found = sorted(item.get_attributes()["username"] for item in items)
    connection.close()
    return found


async def keep(folder: Path) -> dict[str, Any]:
    unlock("login password")
    vault = open_vault("keyring", data_folder=folder)
    state = await vault.describe()
    await vault.set("gateway/gw-1/password", Secret("first"))
    await vault.set("gateway/gw-1/password", Secret("second"))
    await vault.set("gateway/gw-1/token", Secret(LONG))
    again = open_vault("auto", data_folder=folder)
    began = time.perf_counter()
    password = await again.get("gateway/gw-1/password")
    read_ms = (time.perf_counter() - began) * 1000
    token = await again.get("gateway/gw-1/token")
    accounts = await asyncio.to_thread(stored_accounts)
    for name in ("password", "token", "token"):
        await again.delete(f"gateway/gw-1/{name}")
    last = open_vault("auto", data_folder=folder)
    gone = await last.get("gateway/gw-1/password")
    left = await asyncio.to_thread(stored_accounts)
    return {
        "kind": state.kind,
        "label": state.label,
        "usable": state.usable,
        "password": password.reveal() if password else None,
        "token": token == Secret(LONG),
        "accounts": accounts,
        "gone": gone is None,
        "left": left,
        "read_ms": round(read_ms, 1),
    }


async def locked(folder: Path) -> dict[str, Any]:
    unlock("login password")
    vault = open_vault("keyring", data_folder=folder)
    await vault.set("a", Secret("canary-locked"))
    await asyncio.to_thread(lock)
    state = await vault.describe()
    fresh = open_vault("keyring", data_folder=folder)
    found: dict[str, Any] = {"usable": state.usable, "problem": state.problem, "hint": state.hint}
    try:
        secret = await asyncio.wait_for(fresh.get("a"), 60)
        found["error"] = "none" if secret else "not found"
    except VaultError as error:
        found.update(error=type(error).__name__, words=str(error))
    return found


async def absent(folder: Path) -> dict[str, Any]:
    vault = open_vault("auto", data_folder=folder)
    state = await vault.describe()
    found: dict[str, Any] = {"usable": state.usable, "problem": state.problem, "hint": state.hint}
    try:
        await vault.set("a", Secret("canary-absent"))
        found["error"] = "none"
    except VaultError as error:
        found.update(error=type(error).__name__, words=str(error))
    return found


if __name__ == "__main__":
    data_folder = Path(sys.argv[2])
    data_folder.mkdir(exist_ok=True)
    actions = {"keep": keep, "locked": locked, "absent": absent}
    print(json.dumps(asyncio.run(actions[sys.argv[1]](data_folder))))
