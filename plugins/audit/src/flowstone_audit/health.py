"""The health of the audit log: can entries be kept, and do they arrive?"""

from __future__ import annotations

from time import monotonic
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from flowstone.plugin import HealthCheck, HealthResult, stats
from flowstone_audit import config, depth, recorder, schema_state
from flowstone_audit.database import of
from flowstone_audit.engines import reason_of
from flowstone_audit.errors import AuditError
from flowstone_audit.spool import aside

_FULL: Final = 0.8
_OLD_S: Final = 60.0
_TROUBLE_S: Final = 60.0
"""How long a spool counts as unable that took nothing: who is asked for nothing meanwhile shall not stay so for ever."""


def spool() -> HealthResult:
    """Tell whether the spool can take entries, and whether they leave it."""
    settings = config.load()
    if settings.url is None:
        return HealthResult(message="the audit log is switched off")
    found = depth.look(settings)
    observed = {
        "size": (float(found.size), "By"),
        "entries": (float(found.entries), "{entry}"),
        "age": (found.age, "s"),
    }
    keeper = recorder.peek()
    held = keeper.losses.waiting if keeper is not None else 0
    lost = stats().get("audit.dropped", 0)
    since, trouble = (keeper and keeper.spool.trouble) or (0.0, "")
    if held or found.taken >= settings.spool_max_bytes or (trouble and monotonic() - since < _TROUBLE_S):
        why = f"{trouble}; " if trouble else ""
        return HealthResult(
            status="unhealthy",
            message=f"the spool cannot take entries ({why}{held} wait in memory, {lost} are lost): see to the disk, or raise FLOWSTONE_AUDIT_SPOOL_MAX_BYTES",
            observed=observed,
        )
    if trouble or found.taken >= _FULL * settings.spool_max_bytes or found.age > _OLD_S or lost:
        why = f"{lost} entries were lost" if lost else trouble or "entries wait longer than they should"
        return HealthResult(
            status="degraded", message=f"{why}: is the database reachable?", observed=observed
        )
    refused = aside.files(settings.spool)
    if refused:
        return HealthResult(
            status="degraded",
            message=f"lines of spools came into the log as gaps (audit.gap) only, and are in {refused[0]}"
            f"{f' and {len(refused) - 1} files more' if len(refused) > 1 else ''}: look into them, then remove them",
            observed=observed,
        )
    return HealthResult(observed=observed)


def database() -> HealthResult:
    """Tell whether the database answers and can be written to, with tables of this version."""
    settings = config.load()
    if settings.url is None:
        return HealthResult(message="the audit log is switched off")
    try:
        with of(settings).connect() as connection:
            state = schema_state.check(connection)
            read_only = _is_read_only(connection)
    except (AuditError, SQLAlchemyError) as error:
        return HealthResult(status="unhealthy", message=f"entries wait in the spool: {reason_of(error)}")
    if state.kind == "current" or (state.kind == "missing" and settings.url.startswith("sqlite")):
        problem = "its transactions are read-only" if read_only else _problem(settings)
        return (
            HealthResult(status="unhealthy", message=f"entries wait in the spool: {problem}")
            if problem
            else HealthResult()
        )
    return HealthResult(
        status="unhealthy",
        message="the audit tables have no version; see `flowstone audit migrate --check`"
        if state.kind == "unversioned"
        else f"the audit tables are {state.kind} ({state.current} instead of {state.head}); run `flowstone audit migrate`",
    )


def _is_read_only(connection: Connection) -> bool:
    """Tell whether PostgreSQL would refuse to write: a standby, or one whose administrator holds writing."""
    if connection.dialect.name != "postgresql":
        return False
    return bool(connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on")


def _problem(settings: config.Config) -> str:
    """Return what keeps this process from writing, as its chores saw it last: it may be seen by writing only."""
    keeper = recorder.peek()
    if keeper is None or not keeper.is_at_work or keeper.config.url != settings.url:
        return ""
    problem = keeper.chores.problem  # others may have brought in what waited since
    return problem if problem and depth.look(settings).entries else ""


CHECKS: Final = (
    HealthCheck(name="audit_spool", look=spool, component="audit log"),
    HealthCheck(name="audit_database", look=database, component="database", required=False, timeout=6.0),
)
