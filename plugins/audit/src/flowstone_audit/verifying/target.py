"""From settings to the database that they name, and from there to SQLAlchemy, for what is not read by ourselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.engine.create import create_engine  # the instrumentation replaces sqlalchemy.create_engine
from sqlalchemy.pool import NullPool

from flowstone_audit import search_path
from flowstone_audit.errors import Unavailable
from flowstone_audit.verifying.opened import Target

_SQLITE = "sqlite:///"


def target_of(url: str | URL) -> Target:
    """Return the database that a URL of SQLAlchemy names.

    Raises:
        Unavailable: It is neither SQLite nor PostgreSQL.
    """
    if isinstance(url, str) and url.startswith(_SQLITE):
        return Target(
            "sqlite", url.removeprefix(_SQLITE), {}
        )  # a path may hold what a URL gives a meaning to
    made = make_url(url)
    if made.get_backend_name() == "sqlite":
        return Target("sqlite", made.database or "", {})
    if made.get_backend_name() != "postgresql":
        raise Unavailable(f"the audit log has no tables for {made.get_backend_name()}")
    parameters = made.translate_connect_args(database="dbname", username="user")
    return Target("postgresql", "", {**parameters, **made.query})


def engine_of(target: Target) -> Engine:
    """Return an engine of SQLAlchemy that cannot change the database."""
    creator: Callable[[], Any]
    if target.dialect == "sqlite":
        from flowstone_audit.verifying.sqlite import read_only

        creator = lambda: read_only(target.path)  # noqa: E731
        return create_engine("sqlite://", creator=creator, poolclass=NullPool)
    import psycopg

    options = f"{target.parameters.get('options', '')} -c default_transaction_read_only=on".strip()

    def connected() -> psycopg.Connection[Any]:
        made = psycopg.connect(**{"connect_timeout": 5, **target.parameters, "options": options})
        found = made.execute(search_path.FIND).fetchone()
        made.execute(search_path.SET, (search_path.beside(found[1] if found is not None else None),))
        made.commit()
        return made

    creator = connected
    return create_engine("postgresql+psycopg://", creator=creator, poolclass=NullPool)
