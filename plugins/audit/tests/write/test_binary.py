"""What is sent to PostgreSQL in the binary form is what psycopg's own adaptation would have stored."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from flowstone_audit import binary, entries, insert
from flowstone_audit.bounded import Bounded
from flowstone_audit.canonical import placed
from flowstone_audit.row import Row
from tests.servers.postgres import Server

COLUMNS = ", ".join(name for name in Row._fields if name not in ("id", "ordinal", "row_hash"))


@pytest.fixture
def url(postgres: Server, _template: str) -> str:
    """A database with the audit tables, as psycopg has it."""
    return postgres.database(template=_template).replace("+psycopg", "")


@pytest.fixture
def driver(url: str) -> Iterator[Bounded]:
    """A connection as the audit log keeps it."""
    made = Bounded.connect(url, autocommit=True)
    yield made
    made.close()


def row(number: int = 1, **other: object) -> Row:
    """Return an entry with something in every column."""
    full = entries.BLANK._replace(
        id=entries.new_id(number * 1_000_000),
        event_type="règle.modifiée",
        actor_id="ann",
        actor_type="user",
        resource_type="rule",
        resource_id="r1 \U0001f512",
        action="update",
        outcome="success",
        details='{"a":1e22}',
        correlation_id="c" * 128,
        trace_id="0" * 32,
        span_id="f" * 16,
        run_id="run",
        writer="here/1/00000000",
        client_ip="::1",
        user_agent="curl",
        private='{"b":null}',
        nonce=b"\0" * 31 + b"\xff",
    )
    changed = full._replace(**other)  # type: ignore[arg-type]
    return placed(changed, number, 1_750_000_000_123_457)


@pytest.mark.parametrize(
    "other",
    [
        {},
        dict.fromkeys(("resource_type", "outcome", "client_ip", "user_agent", "private", "nonce")),
    ],
)
def test_both_ways_store_the_same(driver: Bounded, other: dict[str, object]) -> None:
    """Every column of an entry holds the same value, whichever way it was sent."""
    driver.execute(insert._ONE, insert.for_postgresql([row(1, **other)]))
    assert binary.Executor(driver).insert(row(2, **other)) is not None
    first, second = driver.execute(f"SELECT {COLUMNS} FROM flowstone_audit_log ORDER BY seq").fetchall()
    assert first == second


def test_the_place_is_the_stored_one(driver: Bounded) -> None:
    """Number and moment that come back are those of the row, to the microsecond."""
    place = binary.Executor(driver).insert(row())
    stored = driver.execute(
        "SELECT seq, CAST(extract(epoch FROM inserted_at) * 1000000 AS bigint) FROM flowstone_audit_log"
    ).fetchone()
    assert stored == place


def test_an_entry_that_is_there_has_no_place(driver: Bounded) -> None:
    """An id that the log has is ignored."""
    one = row()
    binary.Executor(driver).insert(one)
    assert binary.Executor(driver).insert(one) is None


def test_a_refusal_is_the_drivers_error(driver: Bounded) -> None:
    """What a guard refuses is raised as psycopg would, and the connection goes on."""
    with pytest.raises(psycopg.errors.CheckViolation):
        binary.Executor(driver).insert(row(actor_type="nobody"))
    assert binary.Executor(driver).insert(row()) is not None


def test_the_deadline_holds(driver: Bounded, url: str) -> None:
    """Whoever waits for a lock past the deadline is told so, and the connection is of no more use."""
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE flowstone_audit_log")
        driver.deadline = 0.0
        with pytest.raises(psycopg.OperationalError, match="in time"):
            binary.Executor(driver).insert(row())
    assert driver.late


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, True), ({"prepare_threshold": None}, False), ({"client_encoding": "latin1"}, False)],
)
def test_who_cannot_is_asked_the_usual_way(url: str, options: dict[str, object], expected: bool) -> None:
    """Without prepared statements, or with texts that are not UTF-8, psycopg's own way is taken."""
    with Bounded.connect(url, autocommit=True, **options) as driver:  # type: ignore[arg-type]
        execute = binary.Executor(driver)
        assert expected is execute.is_binary
        written = row(event_type="rule.updated", resource_id="r1")
        assert insert.numbered(execute, [written], sqlite=False) != [None]
        assert insert.numbered(execute, [written], sqlite=False) == [None]
