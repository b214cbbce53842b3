"""Before the first row: are the tables there, and of this version?"""

from __future__ import annotations

from flowstone_audit import schema_state
from flowstone_audit.database import Database
from flowstone_audit.engines import IMMEDIATE
from flowstone_audit.errors import SchemaMismatch

_ADVICE = {
    "missing": "has no audit tables; `flowstone audit migrate` makes them",
    "unversioned": "has audit tables, and flowstone_audit_version, which says their revision, was emptied or dropped:"
    " see `flowstone audit migrate --check`",
    "older": "has audit schema {current}, this version needs {head}; `flowstone audit migrate` brings it there",
    "newer": "has audit schema {current}, this version knows {head}; install a later flowstone-audit",
}


def prepare(database: Database) -> None:
    """See that the tables are there; make them in SQLite where there are none.

    Raises:
        SchemaMismatch: They are missing on a server, or of another version; the message says what to do.
        Unavailable: The database cannot be reached.
        sqlalchemy.exc.SQLAlchemyError: It refused.
    """
    if database.prepared:
        return
    with database.connect() as connection:
        state = schema_state.check(connection)
    if state.kind == "missing" and database.is_sqlite:
        from flowstone_audit import migrating

        migrating.upgrade(database.engine.execution_options(**{IMMEDIATE: True}))
    elif state.kind != "current":
        advice = _ADVICE[state.kind].format(current=state.current, head=state.head)
        raise SchemaMismatch(f"{database.name} {advice}; until then entries wait in the spool")
    database.prepared = True
