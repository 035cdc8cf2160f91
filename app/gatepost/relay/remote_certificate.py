"""The relay's own certificate for remote administration. It is pinned by clients, so it stays until somebody renews it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .reception.tls import Pair, make_pair, unreadable

VALID_DAYS = 3650


def own_pair(folder: Path, names: Iterable[str]) -> Pair:
    """The pair in ``folder``; made when there is none. Blocking. Raises CertificateProblem."""
    pair = _pair(folder)
    if not (pair.certificate_file.exists() and pair.key_file.exists()):
        renew(folder, names)
    return pair


def renew(folder: Path, names: Iterable[str]) -> None:
    """A new key and certificate in the place of the old ones. Blocking. Raises CertificateProblem."""
    try:
        make_pair(_pair(folder), tuple(dict.fromkeys((*names, "gatepost"))), VALID_DAYS)
    except OSError as error:
        raise unreadable(folder, error) from error


def _pair(folder: Path) -> Pair:
    return Pair(folder / "remote.pem", folder / "remote.key")
