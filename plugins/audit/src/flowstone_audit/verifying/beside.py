"""What needs the whole table, looked at beside the entries: the database works for it while they are hashed here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from flowstone.plugin import start_thread
from flowstone_audit import guards_sqlite
from flowstone_audit.errors import SchemaMismatch, Unavailable
from flowstone_audit.verifying import indexes
from flowstone_audit.verifying.opened import Target, open_source
from flowstone_audit.verifying.report import Finding
from flowstone_audit.verifying.source import TABLE, Damaged, Source

_TWICE = f"SELECT max(seq) FROM {TABLE} GROUP BY id HAVING count(*) > 1 LIMIT 1000"  # noqa: S608
_ARE_DISTINCT = f"SELECT count(*) = (SELECT count(*) FROM (SELECT 1 FROM {TABLE} GROUP BY id)) FROM {TABLE}"  # noqa: S608
"""SQLite answers it in half of the time, by the same index."""


_BELOW: Final = f"SELECT seq FROM {TABLE} WHERE seq <= 0 ORDER BY seq LIMIT 1000"  # noqa: S608
_BEFORE: Final = (
    "SELECT first_leaf FROM flowstone_audit_seal WHERE first_leaf < 0 ORDER BY first_leaf LIMIT 1000"
)
_CHECK: Final = re.compile(r" CHECK \((.+)\),?$", re.MULTILINE)


class Found(NamedTuple):
    """What the table says of itself.

    Attributes:
        twice: Entries whose id another one has, too.
        outlaws: Entries and seals that the tables' own checks refuse.
        indexes: Indexes of SQLite that do not say what the table says.
    """

    twice: list[Finding]
    outlaws: list[Finding]
    indexes: list[Finding]


class Beside:
    """The look at the whole table, in a thread with a connection of its own, as of a moment in the verification.

    Args:
        target: The database.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._found: Found | None = None
        self._thread = start_thread(self._work, "flowstone-audit-verify")

    def found(self, source: Source) -> Found:
        """Wait for what was found; where the thread could not look, *source* is looked at now.

        Raises:
            Damaged: SQLite cannot read what it holds.
        """
        if self._thread is not None:
            self._thread.join()
        return _look(source) if self._found is None else self._found

    def _work(self) -> None:
        with suppress(Damaged, SchemaMismatch, Unavailable):  # whoever waits meets it, too
            source = open_source(self._target)
            try:
                with source.snapshot():
                    self._found = _look(source)
            finally:
                source.close()


def _look(source: Source) -> Found:
    is_sqlite = source.dialect == "sqlite"
    asked = [] if is_sqlite and source.value(_ARE_DISTINCT) else source.values(_TWICE)
    twice = [
        Finding("duplicated", f"entry {seq} has the id of another one", int(seq), fields=("id",))
        for seq in asked
    ]
    refused, counts = _counted(source) if is_sqlite else (0, {})
    return Found(twice, list(_outlaws(source, refused)), list(indexes.check(source, counts)))


def _counted(source: Source) -> tuple[int, dict[str, int]]:
    """Return how many entries SQLite's checks refuse, and how many each index should have, in one look at the table."""
    takes = {name: taken for name, taken in indexes.taken().items() if taken != "true"}
    asked = ["count(*)", f"count(*) FILTER (WHERE {_refused()})"]
    asked += [f"count(*) FILTER (WHERE {taken})" for taken in takes.values()]
    found = json.loads(source.value(f"SELECT json_array({', '.join(asked)}) FROM {TABLE} NOT INDEXED"))  # noqa: S608
    return found[1], dict.fromkeys(indexes.taken(), found[0]) | dict(zip(takes, found[2:], strict=True))


def _outlaws(source: Source, refused: int) -> Iterator[Finding]:
    """Yield what was put in while the checks were away: nothing else looks below the first number and leaf."""
    for seq in source.values(_BELOW):
        yield Finding("inserted late", f"entry {seq} was put in: no entry gets such a number", int(seq))
    for leaf in source.values(_BEFORE):
        yield Finding("seal altered", f"a seal was put in that begins at leaf {leaf}", leaf=int(leaf))
    if refused:  # PostgreSQL says itself which checks do not hold
        listed = f"SELECT seq FROM {TABLE} NOT INDEXED WHERE {_refused()} LIMIT 1000"  # noqa: S608
        for seq in source.values(listed):
            text = f"entry {seq} holds what its table refuses: it was written with the checks switched off"
            yield Finding("modified", text, int(seq))


def _refused() -> str:
    """Return the condition that holds for entries that SQLite's checks refuse; each connection can switch them off."""
    checks = _CHECK.findall(guards_sqlite.expected()["table", TABLE])
    held = " AND ".join(f"({check})" for check in checks)
    return f"seq > 0 AND NOT ({held})"
