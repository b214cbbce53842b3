"""Flowstone as it is measured: all that exists of it switched on, nothing sent over a network."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from queue import Queue

import flowstone
from benchmarks.rounds import Cost, cost
from benchmarks.work import PARTITIONS, USER_ATTRIBUTES
from flowstone.catalogue.event import Event
from flowstone.runtime import engine

SIGNALS = (
    "Signals: span (OTLP bytes made by our encoder, handed to a transport that sends nothing), metrics (cells; "
    "exported once a minute, not within a round), two JSON log lines to a file, two live messages to a subscriber "
    "in memory, and both events in the audit spool (into SQL: section audit)."
)
SUBSCRIBERS = 6


def log_to(path: Path) -> None:
    """Write flowstone's JSON lines to *path*, as a user would have it."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("flowstone.events")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    flowstone.telemetry.attach_default_handlers()


def set_up() -> None:
    """Switch everything on and emit until every part of it is warm."""
    from benchmarks import no_network

    no_network.install()
    log_to(Path(os.environ["FLOWSTONE_HOME"]) / "events.log")
    for _ in range(3):
        plain(200)
        settle()
    assert no_network.sent_bytes, "the plugin otel made no OTLP bytes: its fast path is off"
    assert not engine.current().drain.delivery.busy


def plain(count: int) -> None:
    """Emit *count* materializations."""
    materialization = flowstone.materialization
    for number in range(count):
        with materialization("daily_report", partition=PARTITIONS[number % 365]):
            pass


def with_attributes(count: int) -> None:
    """Emit *count* materializations with 8 attributes of the user."""
    materialization = flowstone.materialization
    for number in range(count):
        with materialization(
            "daily_report",
            partition=PARTITIONS[number % 365],
            attributes={**USER_ATTRIBUTES, "retries": number},
        ):
            pass


def settle() -> None:
    """Deliver and export everything."""
    assert flowstone.flush(30)


def measure(count: int, *, attributes: bool = False) -> Cost:
    """Measure *count* materializations inside a run, the drain alive beside them."""
    with flowstone.run("nightly", run_id="run-1"):
        return cost(with_attributes if attributes else plain, settle, count)


def measure_with_queues(count: int) -> Cost:
    """Measure the same with 6 live subscribers, each a ``queue.Queue``: 12 puts a materialization."""
    queues: list[Queue[Event]] = [Queue() for _ in range(SUBSCRIBERS)]
    for number, queue in enumerate(queues):
        flowstone.telemetry.attach(f"queue-{number}", [], queue.put)
    try:
        found = measure(count)
    finally:
        for number in range(SUBSCRIBERS):
            flowstone.telemetry.detach(f"queue-{number}")
    assert all(queue.qsize() >= 2 * count for queue in queues)
    return found
