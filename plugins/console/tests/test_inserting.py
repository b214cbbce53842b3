"""Many batches as few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flowstone.plugin import Event
from flowstone_console import schema
from flowstone_console.inserting import insert
from flowstone_console.rows import rows_of
from plugins.console.tests.story import Story


def _store(batches: Sequence[Sequence[Event]], *, at_once: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.create(connection, ":memory:")
    rows = [rows_of(batch) for batch in batches]
    for some in [rows] if at_once else [[one] for one in rows]:
        insert(connection, some)
    return connection


def _held(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return what a store holds: of events, what each trace has, in order."""
    held: dict[str, Any] = {
        table: sorted(connection.execute(f"SELECT * FROM {table}"))
        for table in ("traces", "lookups", "open_spans")
    }
    events = held["events"] = {}
    for trace, body in connection.execute("SELECT trace, body FROM events ORDER BY seq"):
        events.setdefault(trace, []).extend(body.split(b"\n"))
    return held


@given(data=st.data())
def test_batches_written_at_once_are_as_if_one_after_the_other(data: st.DataObject) -> None:
    """However events of several traces come, torn into batches anywhere, the store holds the same."""
    stories = [Story(trace, run=run) for trace, run in ((1, "r-1"), (2, "r-1"), (70_000, ""))]
    told = [event for story in stories for event in (*story.success(), *story.failure())]
    events = data.draw(st.lists(st.sampled_from(told), min_size=1, max_size=60, unique_by=id))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(events)), max_size=8)) | {0, len(events)})
    batches = [events[begin:end] for begin, end in pairwise(cuts)]
    assert _held(_store(batches, at_once=False)) == _held(_store(batches, at_once=True))


def test_a_burst_takes_few_statements() -> None:
    """300 traces that come at once are written in some dozens of statements: each may cost 5 ms of waiting."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.create(connection, ":memory:")
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    insert(connection, [rows_of(Story(trace).success()[:2]) for trace in range(1, 301)])
    connection.set_trace_callback(None)
    assert len(seen) <= 40
    assert 300 == connection.execute("SELECT count(*) FROM traces").fetchone()[0]
    assert 600 == connection.execute("SELECT count(*) FROM open_spans").fetchone()[0]


def test_what_is_closed_is_found_by_its_key() -> None:
    """However many spans are open, ends do not look at all of them."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.create(connection, ":memory:")
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    insert(connection, [rows_of([Story(trace).success()[-1] for trace in range(1, 301)])])
    connection.set_trace_callback(None)
    deletes = [statement for statement in seen if statement.startswith("DELETE")]
    assert 7 == len(deletes)
    for statement in deletes:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert not [step for step in plan if "SCAN" in step]
