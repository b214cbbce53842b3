"""One row and a hundred, durable, against the raw driver; and the way of lifecycle events into SQL."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from random import Random
from statistics import median
from time import perf_counter_ns, process_time_ns
from uuid import uuid4

import flowstone_audit
from benchmarks import explain, stages
from benchmarks.anchor import Anchor
from benchmarks.audits import naive
from benchmarks.audits.places import Place, row, write
from benchmarks.rounds import interleave, rounds_of
from benchmarks.rows import Row, ratio
from flowstone_audit import ingest, recorder
from flowstone_audit.spool.batch import Batch, packed

BATCH = 100
_BLOCK = 8
_BATCHED = {"SQLite": 0.6, "PostgreSQL": 0.5}
_numbers = count()
_shuffle = Random(7).shuffle


def rows(place: Place, quick: bool) -> list[Row]:
    """Measure single rows and batches in one database."""
    where = place.use()
    blocks = 4 if quick else 12
    single: dict[str, Callable[[int], object]] = {"ours": _log, "raw": place.naive.one}
    batched: dict[str, Callable[[int], object]] = {
        "ours": lambda number: write(where, [row(number + at) for at in range(BATCH)]),
        "raw": lambda number: place.naive.many(range(number, number + BATCH)),
    }
    one = _measured(single, blocks, _BLOCK, quick)
    many = _measured(batched, blocks, 1, quick)
    return [
        ratio(
            f"{place.name}: log() of one row, speed of raw",
            one["ours"],
            one["raw"],
            must=0.6,
            sense="least",
        ),
        ratio(
            f"{place.name}: {BATCH} a commit, guards, hash",
            many["ours"],
            many["raw"],
            must=_BATCHED[place.name],
            aim=1,
            sense="least",
        ),
    ]


def _log(number: int) -> None:
    flowstone_audit.log(
        "rule.updated",
        actor_id="ann",
        actor_type="user",
        resource_type="rule",
        resource_id=f"r{number % 500}",
        action="update",
        details=naive.details(number),
        correlation_id=str(uuid4()),
    )


def _measured(
    calls: dict[str, Callable[[int], object]], blocks: int, calls_a_block: int, quick: bool
) -> dict[str, list[float]]:
    """Return medians in microseconds, one a round; both sides by turns, for the disk is the same for both."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds_of(quick)):
        took: dict[str, list[float]] = {name: [] for name in calls}
        order = list(calls)
        for _ in range(blocks):
            _shuffle(order)
            for name in order:
                took[name] += _block(calls[name], calls_a_block)
        for name, each in took.items():
            found[name].append(median(each))
    return found


def _block(call: Callable[[int], object], calls: int) -> list[float]:
    took = []
    for _ in range(calls):
        number = next(_numbers)
        began = perf_counter_ns()
        call(number)
        took.append((perf_counter_ns() - began) / 1000)
    return took


def way_into_sql(place: Place, quick: bool) -> Row:
    """Measure what the spool's entries of a materialization take on their way into SQLite."""
    place.use()
    number = 300 if quick else 1000
    anchor = Anchor()
    found = interleave(
        {"ours": lambda: _ingested(number), "anchor": lambda: anchor.cost(number).cpu}, rounds_of(quick)
    )
    return ratio("audit rows' way into SQL / bare SDK span", found["ours"], found["anchor"], must=4, aim=1)


def _ingested(number: int) -> float:
    """Return the CPU of ingesting both events of a materialization, in microseconds."""
    events = [event for chunk in stages.batches(number) for event in chunk]
    keeper = recorder.current()
    batches = [one for one in packed(events) if isinstance(one, Batch)]
    while batches:
        batches = batches[keeper.spool.append(batches) :]
    began = process_time_ns()
    made = ingest.catch_up(30.0)
    took = process_time_ns() - began
    assert made == 2 * number, f"{made} of {2 * number} entries were ingested"
    return took / 1000 / number


def explained(place: Place) -> tuple[str, ...]:
    """Return where the time of ``log()`` goes."""
    place.use()
    return explain.top("log()", lambda: deque(map(_log, range(500)), maxlen=0))
