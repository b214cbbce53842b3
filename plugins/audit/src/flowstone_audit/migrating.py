"""Brings a database's audit tables to a revision, in one transaction; Alembic without its files of settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, insert, select

from flowstone_audit import frozen, schema_state, tables
from flowstone_audit.engines import IMMEDIATE
from flowstone_audit.errors import AuditError, EntriesAtRisk, SchemaMismatch
from flowstone_audit.private import make_private

_LOCK: Final = 0x666C6F7761756474
"""Key of PostgreSQL's advisory lock: two who migrate at once wait for one another."""

_URLS: Final = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}

Steps = Callable[[Any, Any], Any]
Tell = Callable[[str], None]


def upgrade(engine: Engine, revision: str = "head", *, tell: Tell | None = None) -> None:
    """Bring the tables up to *revision*; nothing happens where they are there already.

    A SQLite file that does not exist is made, with mode 0600. All or nothing: a failure leaves the database
    as it was.

    Args:
        engine: SQLite or PostgreSQL; its user becomes the owner of what is made.
        revision: ``head`` or such as ``0002``.
        tell: Is called with what the database has to say, such as a role that could not be made.

    Raises:
        SchemaMismatch: The database has a revision that this version does not know, or it is neither
            SQLite nor PostgreSQL.
        sqlalchemy.exc.DBAPIError: The database cannot be reached or refuses.
    """
    if engine.dialect.name == "sqlite" and engine.url.database not in {None, "", ":memory:"}:
        make_private(engine.url)
    script = scripts()
    with _transaction(engine, tell) as connection:
        _refuse_newer(connection)
        _migrate(script, lambda found, _: script._upgrade_revs(revision, found), connection=connection)


def downgrade(engine: Engine, revision: str = "base", *, destroy: bool = False) -> None:
    """Take the tables back to *revision*; ``base`` is nothing at all.

    Args:
        engine: The owner of the tables.
        revision: ``base`` or such as ``0001``.
        destroy: Do it although the log holds entries: with them, or with their seals, goes every proof.

    Raises:
        EntriesAtRisk: The log holds entries, and *destroy* is false.
        SchemaMismatch: As of ``upgrade``.
        sqlalchemy.exc.DBAPIError: As of ``upgrade``.
    """
    script = scripts()
    with _transaction(engine) as connection:
        state = _refuse_newer(connection)
        if state.current is not None and not destroy and _has_entries(connection):
            raise EntriesAtRisk("the audit log holds entries, which a downgrade would destroy or unseal")
        _migrate(script, lambda found, _: script._downgrade_revs(revision, found), connection=connection)


def grant(engine: Engine, *, tell: Tell | None = None) -> None:
    """Make the roles that are missing and give all roles their rights again (PostgreSQL; elsewhere nothing).

    Args:
        engine: The owner of the tables.
        tell: As of ``upgrade``.

    Raises:
        SchemaMismatch: As of ``upgrade``.
        sqlalchemy.exc.DBAPIError: As of ``upgrade``.
    """
    with _transaction(engine, tell) as connection:
        current = schema_state.check(connection).current or ""
        for revision in frozen.REVISIONS:
            if revision[:4] <= current:
                for statement in frozen.statements(revision, connection.dialect.name, "roles"):
                    connection.exec_driver_sql(statement)


def retain(engine: Engine, days: int) -> None:
    """Say once, when the log is made, for how many days entries are kept at least.

    Whoever prunes can keep them for longer, never for less; without it the first who prunes chooses.

    Raises:
        AuditError: It was said before, and stands.
        SchemaMismatch: As of ``upgrade``.
        sqlalchemy.exc.DBAPIError: As of ``upgrade``.
    """
    with _transaction(engine) as connection:
        said = connection.execute(select(func.max(tables.floor.c.retain_days))).scalar()
        if said is not None:
            raise AuditError(
                f"this log keeps entries for {said} days; pruning can raise that, nothing lowers it"
            )
        values = {"through_seq": 0, "retain_days": days, "archive_digest": None, "set_at": datetime.now(UTC)}
        connection.execute(insert(tables.floor), values)


def offline_sql(dialect: str, revision: str = "head", since: str = "base") -> str:
    """Return the SQL that brings a database from revision *since* to *revision*, for whoever runs it by hand.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        revision: ``head`` or such as ``0002``.
        since: ``base`` or such as ``0001``.

    Raises:
        SchemaMismatch: Another dialect.
        ValueError: *revision* is not above *since*: there is no SQL for the way down, for it would not ask
            whether entries are lost.
    """
    if dialect not in _URLS:
        raise SchemaMismatch(f"the audit log has no tables for {dialect}")
    if _place(revision) <= _place(since):
        raise ValueError(
            f"from {since} to {revision} is no way up, and SQL is printed for that alone;"
            f" to go down: flowstone audit migrate --revision {revision}"
        )
    script, text = scripts(), StringIO()
    _migrate(
        script,
        lambda found, _: script._upgrade_revs(revision, found),
        url=_URLS[dialect],
        dialect_opts={"paramstyle": "named"},
        opts={"as_sql": True, "starting_rev": since, "destination_rev": revision, "output_buffer": text},
    )
    # SQLite before 3.35 does not know it, and nobody reads it here.
    return text.getvalue().replace(" RETURNING version_num", "")


def _place(revision: str) -> int:
    named = {"base": 0, "head": len(schema_state.KNOWN)}
    return named[revision] if revision in named else schema_state.KNOWN.index(revision) + 1


def scripts() -> ScriptDirectory:
    """Return Alembic's view of the revisions."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(frozen.MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _transaction(engine: Engine, tell: Tell | None = None) -> Iterator[Connection]:
    """Yield a connection whose transaction keeps others who migrate out from its beginning."""
    if engine.dialect.name not in _URLS:
        raise SchemaMismatch(f"the audit log has no tables for {engine.dialect.name}")
    immediate = engine.execution_options(**{IMMEDIATE: True})
    with immediate.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            if tell is not None:
                _listen(connection, tell)
        elif not getattr(connection.connection.driver_connection, "in_transaction", False):
            # An engine of somebody else's: the driver begins no transaction before DDL.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def _listen(connection: Connection, tell: Tell) -> None:
    """Pass on what the server says beside its answers."""
    driver: Any = connection.connection.driver_connection

    def heard(notice: Any) -> None:
        if (text := str(notice.message_primary)).startswith("flowstone audit"):
            tell(text)

    if hasattr(driver, "add_notice_handler"):
        driver.add_notice_handler(heard)


def _refuse_newer(connection: Connection) -> schema_state.State:
    state = schema_state.check(connection)
    if state.kind == "newer":
        raise SchemaMismatch(
            f"the database has audit schema {state.current}; this flowstone_audit knows up to {state.head}: "
            "install a later version"
        )
    if state.kind == "unversioned":
        raise SchemaMismatch(
            f"the database has audit tables, and {schema_state.VERSION_TABLE}, which says their revision, was emptied or"
            f" dropped; where that is all that was done, write it anew: version_num {state.head}"
        )
    return state


def _has_entries(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM flowstone_audit_log)").scalar())


def _migrate(
    script: ScriptDirectory, steps: Steps, *, opts: Mapping[str, Any] | None = None, **where: Any
) -> None:
    """Take the steps, without Alembic's ``EnvironmentContext``: that one is a global of the process.

    The tables may be made by a thread of ours while the host makes its own in another, as Dagster does.
    """
    told = {**(opts or {}), "fn": steps, "script": script, "version_table": schema_state.VERSION_TABLE}
    context = MigrationContext.configure(opts={**told, "transactional_ddl": True}, **where)
    with context.begin_transaction():
        context.run_migrations(database=context)
