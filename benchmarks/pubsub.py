"""Live events: fan-out in a process, over processes, over NATS and over HTTP, each against its rival in the same run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from statistics import median

from benchmarks import explain, pubsub_memory, pubsub_sse, pubsub_wire
from benchmarks.pace import REFERENCE_US, pace
from benchmarks.rounds import interleave
from benchmarks.rows import Report, Row, ratio, value

SUBSCRIBERS = 100


def run(quick: bool) -> Report:
    """Measure all of it; rows whose rival is not installed are left out, and named."""
    rounds = 2 if quick else 7
    rows: list[Row] = []
    notes: list[str] = []
    for part in (_memory, _caller, _stalled, _sqlite, _nats, _sse):
        try:
            rows += part(rounds)
        except ImportError as error:
            notes.append(f"left out: {error.name} is not installed")
    notes.append(
        "Memory and NATS: microseconds a message until all of 100 subscribers have it, 300-byte payloads. The bus"
        " is bounded, counts, and goes through outbox, envelope and engine; its rivals' queues are bare."
    )
    notes.append(
        "broadcast(): a caller that slept comes back to cold caches; with 50 at a time that is one call in 50, so the"
        " p99 is such a call's. What a mere append costs in the same place says how cold it was."
    )
    notes.append(
        "Bounds in time and in events a second (10 us, 15,000) hold where a bare SDK span takes"
        f" {REFERENCE_US} us; here they are set to the pace of the moment."
    )
    notes.append("SSE: the rival's clients are fed ready-made text from bare queues, ours through the bus.")
    return Report(rows=tuple(rows), notes=tuple(notes)).because(
        lambda: explain.top("broadcast(), 2,000 calls without a pause", pubsub_memory.caller)
    )


def _memory(rounds: int) -> list[Row]:
    import broadcaster  # noqa: F401

    ways: dict[str, Callable[[], float]] = {
        "bus": lambda: asyncio.run(pubsub_memory.bus(SUBSCRIBERS)),
        "queue": lambda: asyncio.run(pubsub_memory.queues(SUBSCRIBERS)),
        "broadcaster": lambda: asyncio.run(pubsub_memory.broadcaster(SUBSCRIBERS)),
    }
    found = interleave(ways, rounds, warm_up=1)
    return [
        _speed("memory://, 100 subscribers / asyncio.Queue", found["bus"], found["queue"], must=0.5),
        _speed("memory://, 100 subscribers / broadcaster", found["bus"], found["broadcaster"], must=1),
    ]


def _speed(what: str, ours: list[float], theirs: list[float], *, must: float) -> Row:
    """Return the row of how many times faster ours is."""
    return ratio(what, ours, theirs, must=must, sense="least")


def _caller(rounds: int) -> list[Row]:
    bursts, bare, single, alone, paces = [], [], [], [], []
    for _ in range(rounds):
        paces.append(pace())
        bursts.append(pubsub_memory.caller())
        bare.append(pubsub_memory.nothing())
        single.append(pubsub_memory.caller(1))
        alone.append(pubsub_memory.nothing(1))
    return [
        _called(
            "broadcast() on the caller, 50 every 2 ms, p99", bursts, bare, must=round(10 * median(paces), 1)
        ),
        _called("broadcast() on the caller, one every 2 ms, p99", single, alone),
    ]


def _called(
    what: str, ours: list[tuple[float, float]], bare: list[tuple[float, float]], *, must: float | None = None
) -> Row:
    p50, (low, high) = median(one[0] for one in ours), (median(one[n] for one in bare) for n in (0, 1))
    detail = f"p50 {p50:.3g} us; a deque's append there: p50 {low:.2g}, p99 {high:.2g} us"
    return value(what, "us", [one[1] for one in ours], must=must, detail=detail)


def _stalled(rounds: int) -> list[Row]:
    ways: dict[str, Callable[[], float]] = {
        "stalled": lambda: asyncio.run(pubsub_memory.latency(10, 1)),
        "none": lambda: asyncio.run(pubsub_memory.latency(10, 0)),
    }
    found = interleave(ways, rounds, warm_up=1)
    return [ratio("p99 of 10 beside a stalled one / without it", found["stalled"], found["none"], must=1.5)]


def _sqlite(rounds: int) -> list[Row]:
    found = [pubsub_wire.over_sqlite(10) for _ in range(rounds)]
    rates, paces = [], []
    for _ in range(rounds):
        paces.append(pace())
        rates.append(pubsub_wire.one_by_one())
    rate = Row(
        what="sqlite://, durable events one by one",
        unit="/s",
        best=max(rates),
        median=median(rates),
        must=round(15_000 / median(paces)),
        sense="least",
    )
    return [
        value("sqlite:// to 10 in another process, p50", "ms", [one[0] for one in found], aim=0.5),
        value("sqlite:// to 10 in another process, p99", "ms", [one[1] for one in found]),
        rate,
    ]


def _nats(rounds: int) -> list[Row]:
    import nats  # noqa: F401

    with pubsub_wire.nats_server() as server:
        ways: dict[str, Callable[[], float]] = {
            "bus": lambda: asyncio.run(pubsub_wire.nats_bus(server, SUBSCRIBERS)),
            "connections": lambda: asyncio.run(pubsub_wire.nats_connections(server, SUBSCRIBERS)),
        }
        found = interleave(ways, rounds, warm_up=1)
    return [
        _speed("nats://, 100 subscribers / a connection each", found["bus"], found["connections"], must=5)
    ]


def _sse(rounds: int) -> list[Row]:
    import sse_starlette  # noqa: F401

    rows: list[Row] = []
    with pubsub_sse.serving("ours") as ours, pubsub_sse.serving("sse_starlette") as theirs:
        for clients in (10, 100):
            ways: dict[str, Callable[[], float]] = {
                "ours": lambda clients=clients: asyncio.run(pubsub_sse.measure(ours, clients)),  # type: ignore[misc]
                "theirs": lambda clients=clients: asyncio.run(pubsub_sse.measure(theirs, clients)),  # type: ignore[misc]
            }
            found = interleave(ways, rounds, warm_up=1)
            rows.append(
                _speed(f"SSE, {clients} clients / sse-starlette", found["ours"], found["theirs"], must=1.3)
            )
    return rows
