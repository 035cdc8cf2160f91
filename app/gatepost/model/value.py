"""The decorator of values that are made for every message.

To the type checker they are frozen dataclasses like all others. Python's own frozen ones pay for each field when they are
made, several times what a plain assignment costs, which adds up to a tenth of the work on a message: so at run time it is
the checker alone that forbids assignments. They compare and hash by their fields either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen, slots):
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["value"]
