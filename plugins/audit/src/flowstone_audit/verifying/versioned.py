"""Tables of another version than this one's: their entries and seals are verified, their guards cannot be judged."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from flowstone_audit import schema_state
from flowstone_audit.verifying.opened import Target
from flowstone_audit.verifying.report import Report
from flowstone_audit.verifying.target import engine_of


def hinders(target: Target, report: Report | None) -> str:
    """Return why a log cannot be judged; empty where the tables are of this version, or more than guards differ.

    Args:
        target: The database.
        report: What was found; None where tables are missing.
    """
    if report is not None and {one.kind for one in report.alarms} != {"guards missing"}:
        return ""
    engine = engine_of(target)
    try:
        with engine.connect() as connection:
            state = schema_state.check(connection)
    except (SQLAlchemyError, UnicodeDecodeError):  # what is wrong with it is found where it is read
        return ""
    finally:
        engine.dispose()
    if state.kind not in ("older", "newer"):
        return ""
    todo = "run: flowstone audit migrate" if state.kind == "older" else "install a later flowstone-audit"
    seals = "" if report is None else "; its entries and seals hold"
    return f"its tables are of version {state.current}, not {state.head}, so guards cannot be judged: {todo}{seals}"
