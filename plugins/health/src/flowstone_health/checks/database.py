"""A database of the user's: does it answer?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from flowstone.plugin import HealthCheck, HealthResult

_CONNECT_S: Final = 4
_TIMEOUT_S: Final = 5.0
_IN_MEMORY: Final = frozenset({None, "", ":memory:"})
_ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "postgresql+psycopg": {"connect_timeout": _CONNECT_S},
    "postgresql+psycopg2": {"connect_timeout": _CONNECT_S},
    "postgresql": {"connect_timeout": _CONNECT_S},
    "mysql+pymysql": {"connect_timeout": _CONNECT_S},
    "sqlite": {"timeout": _CONNECT_S},
}


class Database:
    """Asks a database for nothing, over a new connection each time: whether one can be had is part of the question.

    Args:
        url: SQLAlchemy's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Any = None

    def look(self) -> HealthResult:
        """Connect, and ask.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: It does not answer.
        """
        try:
            import sqlalchemy
        except ImportError:
            return HealthResult(status="unhealthy", message="run: pip install 'flowstone-health[sql]'")
        url = sqlalchemy.make_url(self._url)
        is_file = url.get_backend_name() == "sqlite" and url.database not in _IN_MEMORY
        if is_file and not Path(str(url.database)).exists():  # connecting would make an empty one
            return HealthResult(status="unhealthy", message="the database's file is gone")
        if self._engine is None:
            arguments = _ARGUMENTS.get(url.drivername, {})
            self._engine = sqlalchemy.create_engine(
                url, connect_args=arguments, poolclass=sqlalchemy.NullPool
            )
        with self._engine.connect() as connection:
            # SQLite does not touch its file for `SELECT 1`.
            connection.execute(
                sqlalchemy.text("SELECT count(*) FROM sqlite_master" if is_file else "SELECT 1")
            )
        return HealthResult()


def check(url: str) -> HealthCheck:
    """Return the check of the database at *url*."""
    return HealthCheck(name="database", look=Database(url).look, component="database", timeout=_TIMEOUT_S)
