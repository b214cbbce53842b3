"""What SQLite says of each entry in one number, as it is read: whether its table's checks refuse it, which indexes have it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from flowstone_audit import guards_sqlite
from flowstone_audit.verifying import indexes
from flowstone_audit.verifying.source import TABLE

_REFUSED: Final = 1
_CHECK: Final = re.compile(r"^\s*(\w+) .*CHECK \((.+)\),?$", re.MULTILINE)
_PROVEN: Final = frozenset({"seq", "inserted_at", "nonce", "commitment", "row_hash"})
"""Columns whose checks hold where entry, leaf and commitment fit; numbers that are none are looked for by themselves."""

_INDEX: Final = f"{TABLE} INDEXED BY flowstone_audit_log_id"
IDS_ARE_WELL: Final = f"""
    SELECT count(*) = (SELECT count(*) FROM (SELECT 1 FROM {_INDEX} GROUP BY id))
        AND NOT EXISTS (SELECT 1 FROM {_INDEX} WHERE id IS NULL) AND NOT EXISTS (SELECT 1 FROM {_INDEX} WHERE id < x'')
        AND NOT EXISTS (SELECT 1 FROM {_INDEX} WHERE length(id) <> 16)
    FROM {_INDEX}
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
    bits = [refused("id"), *_partial().values()]
    return " + ".join(f"CASE WHEN {bit} THEN {1 << at} ELSE 0 END" for at, bit in enumerate(bits))


def summed(kinds: Mapping[int, int]) -> tuple[int, dict[str, int]]:
    """Return how many entries SQLite's checks refuse, and how many each index should have.

    Args:
        kinds: How many entries there are of each kind.
    """
    having = {name: _REFUSED << at for at, name in enumerate(_partial(), 1)}
    counts = {
        name: sum(count for kind, count in kinds.items() if name not in having or kind & having[name])
        for name in indexes.taken()
    }
    return sum(count for kind, count in kinds.items() if kind & _REFUSED), counts


def _partial() -> dict[str, str]:
    """Return the condition of the entries that an index has, by its name, of those that do not have all."""
    return {name: taken for name, taken in indexes.taken().items() if taken != "true"}
