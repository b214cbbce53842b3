"""What needs the whole database, looked at beside the entries: it works for it while they are hashed here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Final, NamedTuple

from flowstone.plugin import start_thread
from flowstone_audit.errors import SchemaMismatch, Unavailable
from flowstone_audit.verifying import indexes, kinds
from flowstone_audit.verifying.opened import Target, open_source
from flowstone_audit.verifying.report import Finding
from flowstone_audit.verifying.source import TABLE, Damaged, Source

_TWICE: Final = "SELECT max(seq) FROM {} GROUP BY id HAVING count(*) > 1 LIMIT 1000"
_BELOW: Final = f"SELECT seq FROM {TABLE} WHERE seq <= 0 ORDER BY seq LIMIT 1000"  # noqa: S608
_BEFORE: Final = (
    "SELECT first_leaf FROM flowstone_audit_seal WHERE first_leaf < 0 ORDER BY first_leaf LIMIT 1000"
)
_GREATEST: Final = f"SELECT max(seq) FROM {TABLE}"  # noqa: S608


class Found(NamedTuple):
    """What the database says of itself.

    Attributes:
        twice: Entries whose id another one has, too.
        outlaws: Entries and seals that the tables' own checks refuse.
        indexes: Indexes of SQLite that do not say what the table says.
    """

    twice: list[Finding]
    outlaws: list[Finding]
    indexes: list[Finding]


class _Seen(NamedTuple):
    """The same as far as it needs no look at entries that are read anyway, where that finds nothing but outlaws.

    Attributes:
        found: What was found.
        kinds: Of the entries that are not read, as `kinds.counted` says it.
        held: How many entries each index has.
    """

    found: Found
    kinds: Counter[int]
    held: Mapping[str, int]


class Beside:
    """The look at the database, in a thread with a connection of its own, as of this moment.

    Args:
        target: The database.
        low: Up to which number entries are not read.

    Attributes:
        through: Up to which number entries' kinds are to be counted: the greatest of this moment, in SQLite.
    """

    def __init__(self, target: Target, low: int) -> None:
        self.through = low
        self._seen: _Seen | None = None
        self._thread = None
        self._first = 0
        with suppress(Damaged, SchemaMismatch, Unavailable), ExitStack() as stack:
            source = open_source(target)
            stack.callback(source.close)
            stack.enter_context(source.snapshot())
            if source.dialect == "sqlite":
                self.through = int(source.value(_GREATEST) or 0)
                self._first = indexes.some(self.through)
            held = stack.pop_all()
            self._thread = start_thread(lambda: self._work(source, low, held), "flowstone-audit-verify")
            if self._thread is None:
                held.close()

    def found(self, source: Source, read: Counter[int]) -> Found:
        """Wait for what was found.

        Where the thread could not look, or what it counted is not what the entries say, *source* is looked at
        now, as a whole: entries may have been pruned meanwhile.

        Args:
            source: In a snapshot.
            read: What `kinds.counted` says of the entries that were read, above *low* and up to ``through``.

        Raises:
            Damaged: SQLite cannot read what it holds.
        """
        if self._thread is not None:
            self._thread.join()
        seen = self._seen
        if seen is None:
            return _whole(source, self._first)
        if source.dialect == "sqlite":
            refused, counts = kinds.summed(seen.kinds + read)
            if refused or counts != seen.held:
                return _whole(source, self._first)
        return seen.found

    def _work(self, source: Source, low: int, held: ExitStack) -> None:
        with suppress(Damaged, SchemaMismatch, Unavailable), held:  # whoever waits meets it, too
            self._seen = _seen(source, low, self._first)


def _seen(source: Source, low: int, first: int) -> _Seen | None:
    """Return what there is to see; None where SQLite needs another look."""
    if source.dialect != "sqlite":
        return _Seen(_whole(source, first), Counter(), {})
    held = indexes.held(source, first)
    if held is None or not source.value(kinds.IDS_ARE_WELL):
        return None
    return _Seen(Found([], list(_outlaws(source)), []), _counted(source, f"WHERE seq <= {low}"), held)


def _whole(source: Source, first: int) -> Found:
    table = f"{TABLE} NOT INDEXED" if source.dialect == "sqlite" else TABLE
    twice = [
        Finding("duplicated", f"entry {seq} has the id of another one", int(seq), fields=("id",))
        for seq in source.values(_TWICE.format(table))
    ]
    outlaws = list(_outlaws(source))
    if source.dialect != "sqlite":  # PostgreSQL says itself which checks do not hold
        return Found(twice, outlaws, [])
    _, counts = kinds.summed(_counted(source))
    return Found(twice, [*outlaws, *_refused(source)], list(indexes.check(source, counts, first)))


def _outlaws(source: Source) -> Iterator[Finding]:
    """Yield what was put in while the checks were away: nothing else looks below the first number and leaf."""
    for seq in source.values(_BELOW):
        yield Finding("inserted late", f"entry {seq} was put in: no entry gets such a number", int(seq))
    for leaf in source.values(_BEFORE):
        yield Finding("seal altered", f"a seal was put in that begins at leaf {leaf}", leaf=int(leaf))


def _counted(source: Source, where: str = "") -> Counter[int]:
    """Return what `kinds.counted` says of the entries of SQLite's table."""
    asked = f"SELECT json_array({kinds.expression()}, count(*)) FROM {TABLE} NOT INDEXED {where} GROUP BY {kinds.expression()}"  # noqa: S608
    return sum((kinds.counted(*json.loads(one)) for one in source.values(asked)), Counter())


def _refused(source: Source) -> Iterator[Finding]:
    listed = f"SELECT seq FROM {TABLE} NOT INDEXED WHERE seq > 0 AND {kinds.refused()} LIMIT 1000"  # noqa: S608
    for seq in source.values(listed):
        text = f"entry {seq} holds what its table refuses: it was written with the checks switched off"
        yield Finding("modified", text, int(seq))
