"""Erases what is private of entries; what proves them stays as it is.

The private columns stand under a commitment with a random nonce. Nonce and columns go together, and then
nobody can find out by trying what was committed to. Who asked for it stays on record for each entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from flowstone_audit import config, database, lingering, permission, queries, writer
from flowstone_audit.details import text
from flowstone_audit.errors import NotFound
from flowstone_audit.row import PRIVATE
from flowstone_audit.selection import values_of, where
from flowstone_audit.tables import erasure, log

_AT_ONCE: Final = 500
_PATIENCE_S: Final = 30.0
_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_FACTS: Final = (log.c.id, log.c.commitment.is_not(None), log.c.nonce.is_not(None))
_ERASE: Final = update(log).where(log.c.id.in_(_IDS), log.c.nonce.is_not(None)).values(dict.fromkeys(PRIVATE))

REMAINS: Final = (
    "backups of the database, and of this machine, until they expire",
    "archives and exports written before",
    "spools and databases on other machines that have not been taken in yet",
    "segments in spools of other homes, until their processes end; in this one they are named at the end",
    "what telemetry took elsewhere: logs, spans, live messages, the trace store",
    "actor, resource and details of the entries themselves: they are hashed and stay",
)
"""What an erasure does not reach."""


class Plan(NamedTuple):
    """What an erasure would do.

    Attributes:
        ids: Entries with something private, by id.
        erased: How many were erased before.
        bare: How many never had anything private.
    """

    ids: tuple[str, ...]
    erased: int
    bare: int


def plan(connection: Connection, *, ids: Sequence[str] = (), actor_id: str | None = None) -> Plan:
    """Return what there is to erase of the entries *ids*, and of all that *actor_id* did.

    Raises:
        NotFound: One of *ids* is not in the log, or the actor has no entry.
        ValueError: One of *ids* is no id.
    """
    facts: dict[str, tuple[bool, bool]] = {}
    for id in ids:
        facts[queries.entry(id, connection=connection).id] = (False, False)
    for some in _chunks(tuple(facts)):
        facts.update(_facts(connection, select(*_FACTS).where(log.c.id.in_(_IDS)), {"ids": some}))
    if actor_id is not None:
        values = values_of({"actor_id": actor_id})
        found = _facts(connection, select(*_FACTS).where(*where(values)).order_by(log.c.seq), values)
        if not found:
            raise NotFound(f"no audit entry has the actor {actor_id}")
        facts.update(found)
    return Plan(
        ids=tuple(id for id, (_, there) in facts.items() if there),
        erased=sum(committed and not there for committed, there in facts.values()),
        bare=sum(not committed for committed, _ in facts.values()),
    )


def erase(
    found: Plan, *, request: str, by: str, told: Callable[[int], object] | None = None
) -> tuple[str, ...]:
    """Erase what *found* names, on record; return what is left to do by hand.

    Entries ``audit.erased`` tell of it before it begins and when it is done. What is done stays done if
    it is interrupted; the same call again does the rest.

    Args:
        found: From `plan`.
        request: Which request it follows: the number of a ticket, not a name. Secrets in it are redacted.
        by: Who does it.
        told: Called with the number of entries that were erased, now and then.

    Raises:
        ValueError: There is no request, or nobody does it.
        Unavailable: The database cannot be reached, or stayed busy.
        NotPermitted: This user may not; nothing was erased, and nothing put on record.
        NotRecorded: It cannot be put on record; nothing was erased.
        sqlalchemy.exc.DBAPIError: The database refuses.
    """
    if not request.strip() or not by.strip():
        raise ValueError("say which request it follows, and who does it")
    if not found.ids:
        return ()
    request, by = text(request), text(by)  # the table and the entries have to say the same
    settings = config.load()
    kept = database.of(settings)
    permission.see_eraser(kept, "erasing")
    _record("started", request, by, len(found.ids))
    for some in _chunks(found.ids):
        _erase(kept, some, request, by)
        if told is not None:
            told(len(some))
    _record("success", request, by, len(found.ids))
    return (*_swept(kept), *lingering.told(settings.spool, found.ids))


def _erase(kept: database.Database, ids: Sequence[str], request: str, by: str) -> None:
    now = datetime.now(UTC)
    permitted = [{"entry_id": id, "request": request, "requested_by": by, "erased_at": now} for id in ids]
    with kept.writing(_PATIENCE_S) as connection:
        if kept.is_sqlite:  # zeros where it stood, not free pages that still hold it
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.execute(_permission(kept.is_sqlite), permitted)
        connection.execute(_ERASE, {"ids": ids})


def _permission(is_sqlite: bool) -> Any:
    insert = sqlite.insert if is_sqlite else postgresql.insert
    return insert(erasure).on_conflict_do_nothing()


def _swept(kept: database.Database) -> tuple[str, ...]:
    """Have SQLite write its log file back and empty it: what was erased stands in there as well."""
    if not kept.is_sqlite:
        return ("VACUUM flowstone_audit_log: until then the old rows are in its file, and in the WAL",)
    with kept.connect() as connection:
        driver: Any = connection.connection.driver_connection
        busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return (
        ("another process reads the database: its -wal file holds the old pages until it ends",)
        if busy
        else ()
    )


def _record(outcome: str, request: str, by: str, entries: int) -> None:
    details: dict[str, object] = {"request": request, "entries": entries}
    writer.log_own("audit.erased", by=by, action="erase", outcome=outcome, details=details)


def _facts(connection: Connection, statement: Any, values: dict[str, Any]) -> dict[str, tuple[bool, bool]]:
    return {
        id: (bool(committed), bool(there)) for id, committed, there in connection.execute(statement, values)
    }


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(ids), _AT_ONCE):
        yield ids[begin : begin + _AT_ONCE]
