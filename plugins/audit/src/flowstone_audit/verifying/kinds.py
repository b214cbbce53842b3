"""What SQLite says of each entry in one number, as it is read: whether its table's checks refuse it, which indexes have it.

The number has a digit for each of these, and one for the entry itself, so that the sum of many says how many.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from flowstone_audit import guards_sqlite
from flowstone_audit.verifying import indexes
from flowstone_audit.verifying.source import TABLE

_WIDTH: Final = 15
"""Bits of a digit: a sum is of no more entries than one holds."""
_DIGITS: Final = 63 // _WIDTH
_CHECK: Final = re.compile(r"^\s*(\w+) .*CHECK \((.+)\),?$", re.MULTILINE)
_PROVEN: Final = frozenset({"seq", "inserted_at", "nonce", "commitment", "row_hash"})
"""Columns whose checks hold where entry, leaf and commitment fit; numbers that are none are looked for by themselves."""

_INDEX: Final = f"{TABLE} INDEXED BY flowstone_audit_log_id"
IDS_ARE_WELL: Final = f"""
    SELECT (SELECT count(*) FROM {_INDEX})
        = (SELECT count(DISTINCT id) FROM {_INDEX} WHERE id >= x'' AND length(id) = 16)
"""  # noqa: S608
"""Whether ids are there once, and blobs of 16 bytes, by their index: what costs most to ask of entries one by one."""


def refused(*but: str) -> str:
    """Return the condition that holds for entries that SQLite's checks refuse; each connection can switch them off.

    Args:
        but: Columns that are not looked at.
    """
    checks = _CHECK.findall(guards_sqlite.expected()["table", TABLE])
    held = " AND ".join(f"({check})" for name, check in checks if name not in {*_PROVEN, *but})
    return f"NOT ({held})"


def expression() -> str:
    """Return the SQL of an entry's kind."""
    said = [refused("id"), *_partial().values()]
    assert len(said) < _DIGITS
    return " + ".join(
        ["1", *(f"CASE WHEN {one} THEN {1 << _WIDTH * at} ELSE 0 END" for at, one in enumerate(said, 1))]
    )


def counted(summed: int, times: int = 1) -> Counter[int]:
    """Return how many entries have each digit, of the sum of their kinds, or of one kind that many have."""
    return Counter({at: (summed >> _WIDTH * at) % (1 << _WIDTH) * times for at in range(_DIGITS)})


def summed(digits: Counter[int]) -> tuple[int, dict[str, int]]:
    """Return how many entries SQLite's checks refuse, and how many each index should have.

    Args:
        digits: How many entries have each digit; see `counted`.
    """
    having = {name: at for at, name in enumerate(_partial(), 2)}
    return digits[1], {name: digits[having.get(name, 0)] for name in indexes.taken()}


def _partial() -> dict[str, str]:
    """Return the condition of the entries that an index has, by its name, of those that do not have all."""
    return {name: taken for name, taken in indexes.taken().items() if taken != "true"}
