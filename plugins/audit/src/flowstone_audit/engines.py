"""Engines as the audit log needs them: SQLite with a write-ahead log, PostgreSQL that cannot keep us waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from opentelemetry import context as otel
from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, event, make_url
from sqlalchemy.engine import Dialect, create

if TYPE_CHECKING:
    from flowstone_audit.bounded import Bounded

# Instrumentations wrap it; whether our SQL is traced is our own setting's affair.
_made: Final[Callable[..., Engine]] = create.create_engine
create_engine: Final[Callable[..., Engine]] = (
    vars(create)["create_engine"].__wrapped__ if type(_made).__module__.startswith("wrapt") else _made
)

IMMEDIATE: Final = "flowstone_immediate"
"""Execution option: transactions of SQLite begin with the write lock."""

BUSY_MS: Final = 1000
_CONNECT_S: Final = 5
_QUIET: Final[str] = getattr(otel, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")
_SQLITE: Final = "sqlite:///"
_DURABLE: Final = """
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""Every other value waits for a disk at least; some wait for those of standbys too."""


def make(url: str, *, trace: bool = False) -> Engine:
    """Return an engine for *url*, with its own pool; nothing is opened yet.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The URL is malformed.
        ImportError: The driver is not installed.
    """
    # A path may hold what a URL gives a meaning to.
    sqlite = url.startswith(_SQLITE)
    made = URL.create("sqlite", database=url.removeprefix(_SQLITE)) if sqlite else make_url(url)
    engine = _sqlite(made) if sqlite else _postgresql(made)
    if trace:
        _trace(engine)
    return engine


def _sqlite(url: URL) -> Engine:
    from flowstone_audit.private import make_private

    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000})

    @event.listens_for(engine, "do_connect")
    def before(dialect: object, record: object, args: list[Any], named: dict[str, Any]) -> None:
        make_private(url)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = None  # we begin ourselves
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        # SQLite's own default, said aloud: a longer log spares copying, but is in no cache when it is written.
        connection.execute("PRAGMA wal_autocheckpoint = 1000").fetchone()
        connection.execute("PRAGMA journal_size_limit = 33554432").fetchone()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(IMMEDIATE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    from flowstone_audit.bounded import Bounded

    engine = create_engine(
        url,
        pool_pre_ping=False,
        connect_args={"connect_timeout": _CONNECT_S, "application_name": "flowstone-audit"},
    )

    @event.listens_for(engine, "do_connect")
    def connect(dialect: object, record: object, args: list[Any], named: dict[str, Any]) -> Bounded:
        made = Bounded.connect(*args, **named)
        try:
            _durable(made)
        except BaseException:
            made.close()
            raise
        return made

    return engine


def _durable(driver: Bounded) -> None:
    """Have commits on the disk before they are acknowledged also where a server's default is not to wait for it."""
    driver.deadline = monotonic() + _CONNECT_S
    driver.autocommit = True  # else the setting would be gone with the transaction
    driver.execute(_DURABLE)
    driver.autocommit = False
    driver.deadline = None


_turns: Final[MutableMapping[Dialect, threading.Lock]] = WeakKeyDictionary()


def turn_of(dialect: Dialect) -> threading.Lock:
    """Return the lock for which threads that write to SQLite wait.

    SQLite's own is polled for, and one that writes all the time leaves no gap that a poll would find.
    """
    return _turns.setdefault(dialect, threading.Lock())


@contextmanager
def turn(connection: Connection) -> Iterator[None]:
    """Have that lock, or none where it is not to be had: SQLite's own is still asked for."""
    lock = turn_of(connection.dialect)
    taken = lock.acquire(timeout=BUSY_MS / 1000)
    try:
        yield
    finally:
        if taken:
            lock.release()


def bound(connection: Connection, deadline: float | None) -> None:
    """Have what *connection* does end at *deadline* (monotonic seconds), where its driver can; None: no bound."""
    driver: Any = connection.connection.driver_connection
    if hasattr(driver, "deadline"):
        driver.deadline = deadline


def autocommit(fairy: PoolProxiedConnection) -> None:
    """Have PostgreSQL commit each statement by itself; such a connection must not go back to the pool."""
    driver: Any = fairy.driver_connection
    driver.autocommit = True


def is_waiting(connection: Connection) -> bool:
    """Tell whether the server still owes an answer, so that the connection is of no more use."""
    if connection.invalidated or connection.closed:
        return False
    driver = connection.connection.driver_connection
    return bool(getattr(driver, "late", False))


def reason_of(error: BaseException) -> str:
    """Return the first line of the driver's own message."""
    original = getattr(error, "orig", None) or error
    return (str(original).strip().splitlines() or [type(original).__name__])[0]


@contextmanager
def quiet(traced: bool) -> Iterator[None]:
    """Keep instrumentations that somebody switched on for everything away from our SQL, unless it is *traced*."""
    if traced:
        yield
        return
    token = hush()
    try:
        yield
    finally:
        unhush(token)


def hush() -> object:
    """Keep instrumentations away from what this thread does until ``unhush``."""
    return otel.attach(otel.set_value(_QUIET, True))


def unhush(token: object) -> None:
    """Let them see again."""
    otel.detach(token)  # type: ignore[arg-type]


def _trace(engine: Engine) -> None:
    """Have spans of the SQL of *engine*; the setting asks for what is not installed by a warning."""
    from flowstone_audit import sql_tracing

    sql_tracing.instrument(engine)
