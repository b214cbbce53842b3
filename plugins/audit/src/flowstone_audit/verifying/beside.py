"""What needs the whole table, looked at beside the entries: the database works for it while they are hashed here."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from flowstone.plugin import start_thread
from flowstone_audit.errors import SchemaMismatch, Unavailable
from flowstone_audit.verifying import indexes
from flowstone_audit.verifying.opened import Target, open_source
from flowstone_audit.verifying.report import Finding
from flowstone_audit.verifying.source import TABLE, Damaged, Source

_TWICE = f"SELECT max(seq) FROM {TABLE} GROUP BY id HAVING count(*) > 1 LIMIT 1000"  # noqa: S608
_ARE_DISTINCT = f"SELECT count(*) = (SELECT count(*) FROM (SELECT 1 FROM {TABLE} GROUP BY id)) FROM {TABLE}"  # noqa: S608
"""SQLite answers it in half of the time, by the same index."""


class Found(NamedTuple):
    """What the table says of itself.

    Attributes:
        twice: Entries whose id another one has, too.
        indexes: Indexes of SQLite that do not say what the table says.
    """

    twice: list[Finding]
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
    return Found(twice, list(indexes.check(source)) if is_sqlite else [])
