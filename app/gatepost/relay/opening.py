"""Opening what lasts, as the service finds it at its start: the files of the data folder, the vault, this machine's name."""

from __future__ import annotations

import asyncio
import socket

from ..model.address import AddressError, normalise_domain
from ..model.relay_options import RelayOptions
from ..model.report import Problem
from ..store.configuration import ConfigurationStore
from ..store.figures import Figures
from ..store.folder import DataFolder
from ..store.journal import Journal
from ..store.spool import Spool
from ..store.verdicts import Verdicts
from ..vault import Vault, open_vault
from ..vault.key import create_key_file, find_key
from .common.clock import Clock


def open_files(folder: DataFolder, clock: Clock) -> tuple[ConfigurationStore, Journal, Spool, Verdicts, Figures]:
    """Blocking. Raises GatepostError when the data folder cannot be used."""
    store = ConfigurationStore.open(folder, clock)
    journal = Journal.open(folder, clock)
    spool = Spool.open(folder, clock=clock, floor=journal.last_id())
    return store, journal, spool, Verdicts.open(folder, clock), Figures.open(folder, clock)


async def open_chosen_vault(folder: DataFolder, options: RelayOptions) -> tuple[Vault, str | None]:
    """The vault, and the path of the key that was made for it because there was no other way to keep a secret."""
    key_file = options.vault_key_file
    vault = open_vault(options.vault, data_folder=folder.path, key_file=key_file)
    if not options.create_vault_key or key_file is None or find_key(key_file) is not None:
        return vault, None
    if (await vault.describe()).usable:
        return vault, None
    await vault.close()
    made = await asyncio.to_thread(create_key_file, key_file)
    return open_vault(options.vault, data_folder=folder.path, key_file=key_file), str(made.path)


def problems_of_opening(spool: Spool, journal: Journal) -> list[Problem]:
    """What was found damaged and set aside."""
    found: list[Problem] = []
    for name, report in (("spool", spool.report), ("journal", journal.report)):
        if report.set_aside is not None:
            found.append(
                Problem(name, f"The {name} file was damaged and a new one was begun.", report.damage,
                        f"The damaged file is kept in {report.set_aside}.")
            )  # fmt: skip
    return found


def name_of_machine() -> str:
    """This machine's full name as far as it has one; never a bare “localhost”. Blocking."""
    name = socket.getfqdn() or socket.gethostname()
    try:
        return normalise_domain(name)
    except AddressError:
        return "gatepost.invalid"
