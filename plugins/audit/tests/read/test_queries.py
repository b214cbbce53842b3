"""Queries by every filter, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

import flowstone_audit
from flowstone_audit import database, queries
from flowstone_audit.entry import AuditEntry, of
from flowstone_audit.errors import NotFound, SchemaMismatch

WHO: dict[str, Any] = {"actor_id": "ann", "actor_type": "user"}


def ids(page: Any) -> list[str]:
    return [entry.id for entry in page.entries]


def test_every_filter_finds_its_entries_and_no_others(audit: str) -> None:
    """Each filter alone selects exactly the entry that differs by it; all together select it too."""
    flowstone_audit.log("other.event", actor_id="bob", actor_type="api")
    wanted = flowstone_audit.log(
        "rule.updated",
        **WHO,
        resource_type="rule",
        resource_id="r1",
        action="update",
        outcome="denied",
        correlation_id="c-1",
        run_id="run-1",
    )
    flowstone_audit.log(
        "rule.updates", actor_id="ann", actor_type="system", resource_type="asset", resource_id="r1"
    )
    filters: dict[str, Any] = {
        "event_type": "rule.updated",
        "actor_type": "user",
        "resource": ("rule", "r1"),
        "action": "update",
        "outcome": "denied",
        "correlation_id": "c-1",
        "run_id": "run-1",
    }
    for name, value in filters.items():
        assert [wanted.id] == ids(queries.entries(**{name: value})), name
    assert [wanted.id] == ids(queries.entries(**filters, actor_id="ann"))
    assert 2 == len(queries.entries(actor_id="ann").entries)
    assert 2 == len(queries.entries(event_type="rule.*").entries)
    assert ["rule.updates"] == [entry.event_type for entry in queries.entries(asset="r1").entries]
    assert [] == ids(queries.entries(event_type="RULE.updated"))
    assert [] == ids(queries.entries(event_type="rule_*"))


def test_what_is_read_is_what_was_written(audit: str) -> None:
    """Every field of an entry that is read equals that which `log` returned, its types included."""
    written = flowstone_audit.log(
        "a.b",
        **WHO,
        details={"big": 1 << 100, "far": 1e22, "minus": -0.0, "word": "Zoë \U0001f642", "none": None},
        client_ip="10.0.0.1",
        user_agent="curl/8",
    )
    read = queries.entry(written.id)
    assert vars(written) == vars(read)
    assert read == written
    assert {
        "big": 1 << 100,
        "far": 1e22,
        "minus": -0.0,
        "word": "Zoë \U0001f642",
        "none": None,
    } == read.details
    assert UTC is read.occurred_at.tzinfo
    with database.connect() as connection:  # the slower way, by SQLAlchemy's own types
        row = connection.execute(select(flowstone_audit.table)).mappings().one()
    assert read == of(dict(row))


def test_an_entry_is_found_by_id_in_each_spelling(audit: str) -> None:
    """Hex digits, with dashes or in capitals, lead to the entry; others are not found."""
    id = flowstone_audit.log("a.b", **WHO).id
    dashed = f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
    assert [id] * 3 == [queries.entry(text).id for text in (id, dashed, id.upper())]
    with pytest.raises(NotFound, match="0000"):
        queries.entry("0" * 32)
    with pytest.raises(ValueError, match="hexadecimal"):
        queries.entry("no id")


def test_pages_give_everything_once_and_in_order(audit: str) -> None:
    """Pages of every size, from both ends, while others write, give each entry once, in the order of the log."""
    written = [flowstone_audit.log("a.b", **WHO, details={"n": n}).id for n in range(10)]
    for limit in (1, 3, 10, 11):
        for newest_first in (False, True):
            found: list[str] = []
            cursor = None
            while True:
                page = queries.entries(event_type="a.b", limit=limit, after=cursor, newest_first=newest_first)
                found += ids(page)
                flowstone_audit.log("b.c", **WHO)
                cursor = page.next
                if cursor is None:
                    break
            assert written == (found[::-1] if newest_first else found)


def test_a_history_is_in_order(audit: str) -> None:
    """What happened to a resource is told oldest first, and nothing of another one."""
    steps = ["created", "updated", "approved", "deleted"]
    for step in steps:
        flowstone_audit.log(f"rule.{step}", **WHO, resource_type="rule", resource_id="r1", action=step)
        flowstone_audit.log(f"rule.{step}", **WHO, resource_type="rule", resource_id="r2", action=step)
    page = queries.history("rule", "r1")
    assert steps == [entry.action for entry in page.entries]
    assert sorted(entry.seq or 0 for entry in page.entries) == [entry.seq for entry in page.entries]


def test_time_ranges_include_their_start_and_not_their_end(audit: str) -> None:
    """Since <= occurred_at < until, whatever the time zone it is given in."""
    first, second = (flowstone_audit.log("a.b", **WHO) for _ in range(2))
    india = timezone(timedelta(hours=5, minutes=30))
    start, end = first.occurred_at.astimezone(india), second.occurred_at.astimezone(india)
    assert first.occurred_at < second.occurred_at
    assert [first.id] == ids(queries.entries(since=start, until=end))
    assert [first.id, second.id] == ids(queries.entries(since=start))
    assert [] == ids(queries.entries(until=start))
    with pytest.raises(ValueError, match="time zone"):
        queries.entries(since=datetime(2025, 1, 15))  # noqa: DTZ001 - that is the point


def test_nonsense_is_refused(audit: str) -> None:
    """Unknown filters, empty pages, and a resource beside an asset are errors of the caller."""
    with pytest.raises(TypeError, match="colour"):
        queries.entries(colour="red")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="at least 1"):
        queries.entries(limit=0)
    with pytest.raises(ValueError, match="resource or an asset"):
        queries.entries(resource=("a", "b"), asset="c")


def test_hostile_values_are_values(audit: str) -> None:
    """Quotes, wildcards and NUL in filters are compared, not interpreted."""
    flowstone_audit.log("a.b", **WHO, correlation_id="it's")
    assert 1 == len(queries.entries(correlation_id="it's").entries)
    for text in ("' OR 1=1 --", "%", "_", "it's'"):
        assert [] == ids(queries.entries(correlation_id=text))


def test_the_selectable_serves_for_the_rest(audit: str) -> None:
    """`flowstone_audit.table` is a Core table: counts, groups and joins are the user's own."""
    for actor in ("ann", "ann", "bob"):
        flowstone_audit.log("a.b", actor_id=actor, actor_type="user")
    log = flowstone_audit.table
    with database.connect() as connection:
        counted = connection.execute(
            select(log.c.actor_id, func.count()).group_by(log.c.actor_id).order_by(log.c.actor_id)
        ).all()
    assert [("ann", 2), ("bob", 1)] == [tuple(row) for row in counted]


def test_threads_read_at_once(audit: str) -> None:
    """Queries of several threads do not disturb one another."""
    written = [flowstone_audit.log("a.b", **WHO, correlation_id=f"c{n}").id for n in range(4)]
    found: dict[int, set[str]] = {n: set() for n in range(4)}

    def read(n: int) -> None:
        for _ in range(50):
            found[n].update(ids(queries.entries(correlation_id=f"c{n}")))

    threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: {written[n]} for n in range(4)} == found


def test_a_connection_of_the_callers_knows_of_its_transaction(audit: str) -> None:
    """A query leaves the server in no transaction that SQLAlchemy, which is to end it, knows nothing of."""
    flowstone_audit.log("rule.updated", **WHO)
    engine = create_engine(audit, poolclass=NullPool)
    with engine.connect() as own:
        assert 1 == len(queries.entries(connection=own).entries)
        own.rollback()
        driver: Any = own.connection.driver_connection
        begun = (
            driver.in_transaction if database.engine().name == "sqlite" else driver.info.transaction_status
        )
        assert not begun


def test_what_the_server_refuses_in_a_callers_transaction_is_told(audit: str) -> None:
    """The error is the server's own reason, not that the transaction had failed before."""
    engine = create_engine(audit, poolclass=NullPool)
    if engine.name == "sqlite":
        pytest.skip("in SQLite a statement that is refused ends no transaction")
    with engine.begin() as other, engine.begin() as own:
        other.exec_driver_sql("LOCK TABLE flowstone_audit_log IN ACCESS EXCLUSIVE MODE")
        own.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            queries.entries(connection=own)


def test_reading_makes_nothing(home: Any) -> None:
    """Where there is no audit log a query says so, and does not make one."""
    with pytest.raises(SchemaMismatch, match="no audit log"):
        queries.entries()
    assert not (home / "audit.db").exists()


def test_an_entry_cannot_be_changed() -> None:
    """An entry is frozen; what its details return is a copy."""
    assert AuditEntry.__dataclass_params__.frozen  # type: ignore[attr-defined]
