"""Ids and context (law 4)."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import TracerProvider

import flowstone
from flowstone.runtime import identity
from flowstone.testing import Capture


def parents(capture: Capture) -> dict[str, str]:
    """Return the asset of each operation's parent, by asset."""
    starts: list[Any] = [event for event in capture.events if event.name.endswith(".start")]
    by_span = {event.span_id: getattr(event, "asset", "run") for event in starts}
    return {getattr(event, "asset", "run"): by_span.get(event.parent_id, "") for event in starts}


def test_a_reseeded_random_does_not_repeat_ids(flowstone_capture: Capture) -> None:
    """User code that seeds the global generator cannot make our ids collide."""
    seen = set()
    for _ in range(3):
        random.seed(42)
        with flowstone.materialization("a") as m:
            seen.add(m.trace_id)
    assert 3 == len(seen)


def test_operations_nest_and_share_the_trace(flowstone_capture: Capture) -> None:
    """Children have the trace, correlation and run id of the run, and their parent's span."""
    with flowstone.run("p", run_id="r1", correlation_id="c1"), flowstone.materialization("m"):
        with flowstone.io_load("l"):
            pass
        with flowstone.io_store("s"):
            pass
    events = flowstone_capture.events
    assert {("c1", "r1", "p")} == {(e.correlation_id, e.run_id, e.pipeline) for e in events}
    assert 1 == len({event.trace_id for event in events})
    assert {"run": "", "m": "run", "l": "m", "s": "m"} == parents(flowstone_capture)


def test_the_operation_is_the_current_span(flowstone_capture: Capture) -> None:
    """User code reaches the operation through OpenTelemetry, and what it sets is told."""
    with flowstone.materialization("a") as m:
        span = trace.get_current_span()
        assert span is m
        assert isinstance(span, trace.Span)
        span.set_attribute("rows.bad", 3)
        span.add_event("half way", {"at": 50})
        span.add_link(trace.SpanContext(1, 2, is_remote=True))
        span.record_exception(KeyError("handled"))
        span.update_name("renamed")
    assert trace.get_current_span() is trace.INVALID_SPAN
    stop: Any = flowstone_capture.one("materialization.stop")
    assert 3 == stop.attributes["rows.bad"]
    assert ["half way", "exception"] == [mark.name for mark in stop.span_events]
    assert "0000000000000002" == stop.links[0].span_id
    assert "renamed" == stop.span_name


def test_error_status_by_user_code_is_a_failure(flowstone_capture: Capture) -> None:
    """Setting the span's status to ERROR makes the operation a failed one."""
    with flowstone.materialization("a") as m:
        m.set_status(trace.Status(trace.StatusCode.ERROR, "bad input"))
    told: Any = flowstone_capture.one("materialization.exception")
    assert ("failure", "bad input") == (told.status, told.error.message)


def test_other_instrumentations_nest_under_operations(flowstone_capture: Capture) -> None:
    """A span of another library is our child, and our operation inside it is its child."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("other")
    with flowstone.run("p") as run, tracer.start_as_current_span("foreign") as foreign:
        assert run.trace_id == f"{foreign.get_span_context().trace_id:032x}"
        assert foreign.parent is not None  # type: ignore[attr-defined]
        assert run.span_id == foreign.parent.span_id  # type: ignore[attr-defined]
        with flowstone.materialization("a") as m:
            assert foreign.get_span_context().span_id == m.parent_id
            assert run.run_id == m.run_id


def test_inbound_context_is_taken_over(flowstone_capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRACEPARENT and BAGGAGE of the environment give trace, parent and correlation id."""
    monkeypatch.setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    monkeypatch.setenv("BAGGAGE", "flowstone.correlation.id=from-outside")
    with flowstone.run("p") as run:
        assert "0af7651916cd43dd8448eb211c80319c" == run.trace_id
        assert "from-outside" == run.correlation_id
        assert 0xB7AD6B7169203331 == run.parent_id


def test_the_correlation_id_goes_out_as_baggage(flowstone_capture: Capture) -> None:
    """Inside a run, outgoing requests carry the correlation id; after it they do not."""
    with flowstone.run("p", correlation_id="c1"):
        assert "c1" == baggage.get_baggage("flowstone.correlation.id")
    assert baggage.get_baggage("flowstone.correlation.id") is None


@pytest.mark.parametrize(
    ("given", "kept"), [("a" * 200, "a" * 128), ("x\ny", "x_y"), ("ä", "_"), ("ok-1", "ok-1")]
)
def test_correlation_ids_are_printable_ascii(flowstone_capture: Capture, given: str, kept: str) -> None:
    """A correlation id that cannot be carried is made so; a good one is kept verbatim."""
    with flowstone.run("p", correlation_id=given) as run:
        assert kept == run.correlation_id


def test_the_default_correlation_id_is_the_trace_id_as_uuid(flowstone_capture: Capture) -> None:
    """Without an explicit one the correlation id is computable from the trace id."""
    with flowstone.run("p") as run:
        assert run.correlation_id.replace("-", "") == run.trace_id


def test_derived_ids_depend_on_every_part() -> None:
    """Derived ids are stable, and no two keys that differ in a part share one."""
    keys = [("a", "bc", "d"), ("ab", "c", "d"), ("a", "b", "cd"), ("a", "bc", "e")]
    assert len(keys) == len({identity.derive_trace_id(*key) for key in keys})
    assert identity.derive_span_id("r", 1) == identity.derive_span_id("r", 1)


def test_low_bits_of_derived_trace_ids_are_uniform() -> None:
    """Ratio samplers test the low 64 bits; they must not be biased."""
    ids = [identity.derive_trace_id("dagster", "", f"run-{n}") & ((1 << 64) - 1) for n in range(4000)]
    below = sum(1 for n in ids if n < (1 << 64) // 10)
    assert 300 < below < 500


def test_threads_with_copied_context_have_the_right_parent(flowstone_capture: Capture) -> None:
    """Work handed to a pool inside its context nests under what handed it over."""

    def work(name: str) -> None:
        with flowstone.materialization(name):
            pass

    with flowstone.run("p"), ThreadPoolExecutor(4) as pool:
        tasks = [pool.submit(contextvars.copy_context().run, work, f"a{n}") for n in range(50)]
        for task in tasks:
            task.result()
    assert {"run": ""} | {f"a{n}": "run" for n in range(50)} == parents(flowstone_capture)


def test_threads_without_context_begin_their_own_trace(flowstone_capture: Capture) -> None:
    """A bare thread has no parent; it is a root, not somebody's wrong child."""

    def work() -> str:
        with flowstone.materialization("alone") as m:
            return m.trace_id

    with flowstone.run("p") as run, ThreadPoolExecutor(1) as pool:
        assert run.trace_id != pool.submit(work).result()


def test_asyncio_tasks_do_not_mix_their_parents(flowstone_capture: Capture) -> None:
    """Concurrent tasks nest under their own operations."""

    @flowstone.materialization("outer")
    async def outer(n: int) -> None:
        await asyncio.sleep(0.001 * (n % 3))
        with flowstone.io_load(f"l{n}"):
            await asyncio.sleep(0.001)

    async def main() -> None:
        with flowstone.run("p"):
            await asyncio.gather(*(outer(n) for n in range(20)))

    asyncio.run(main())
    found = parents(flowstone_capture)
    assert {"outer"} == {found[f"l{n}"] for n in range(20)}
    assert 20 == len(flowstone_capture.of("materialization.stop"))


def test_a_decorated_generator_is_current_during_its_steps_only(flowstone_capture: Capture) -> None:
    """A generator held open across yield does not leak its span into the caller."""

    @flowstone.materialization("gen")
    def generate() -> Generator[int, None, str]:
        with flowstone.io_load("inside"):
            yield 1
            assert trace.get_current_span().asset == "inside"  # type: ignore[attr-defined]
        yield 2
        return "done"

    with flowstone.run("p") as run:
        for _ in generate():
            assert trace.get_current_span() is run
            with flowstone.io_store("between"):
                pass
    found = parents(flowstone_capture)
    assert ("gen", "run", "run") == (found["inside"], found["gen"], found["between"])


def test_a_closed_generator_is_a_success(flowstone_capture: Capture) -> None:
    """GeneratorExit ends an operation well."""

    @flowstone.materialization("gen")
    def generate() -> Generator[int, None, None]:
        yield from range(10)

    steps = generate()
    next(steps)
    steps.close()
    stop: Any = flowstone_capture.one("materialization.stop")
    assert "success" == stop.status


def test_exceptions_thrown_into_generators_arrive(flowstone_capture: Capture) -> None:
    """Send and throw reach the decorated generator."""

    @flowstone.materialization("gen")
    def generate() -> Generator[object, object, None]:
        got = yield "first"
        try:
            yield got
        except KeyError:
            yield "caught"

    steps = generate()
    assert "first" == next(steps)
    assert 7 == steps.send(7)
    assert "caught" == steps.throw(KeyError("x"))
    assert [] == list(steps)
    assert 1 == len(flowstone_capture.of("materialization.stop"))


def test_async_generators_are_driven_too(flowstone_capture: Capture) -> None:
    """An async generator's span is current during its steps only."""

    @flowstone.materialization("gen")
    async def generate() -> AsyncGenerator[int, None]:
        for n in range(3):
            with flowstone.io_load(f"l{n}"):
                await asyncio.sleep(0)
            yield n

    async def main() -> list[int]:
        with flowstone.run("p") as run:
            got = []
            async for n in generate():
                assert trace.get_current_span() is run
                got.append(n)
            return got

    assert [0, 1, 2] == asyncio.run(main())
    assert {"l0": "gen", "l1": "gen", "l2": "gen", "gen": "run", "run": ""} == parents(flowstone_capture)


@pytest.mark.parametrize(
    ("raised", "event", "status"),
    [
        (ValueError("x"), "materialization.exception", "failure"),
        (KeyboardInterrupt(), "materialization.exception", "cancellation"),
        (asyncio.CancelledError(), "materialization.exception", "cancellation"),
        (SystemExit(0), "materialization.stop", "success"),
        (SystemExit(3), "materialization.exception", "failure"),
        (GeneratorExit(), "materialization.stop", "success"),
    ],
)
def test_what_is_raised_decides_the_status(
    flowstone_capture: Capture, raised: BaseException, event: str, status: str
) -> None:
    """Exceptions are failures, cancellations are cancellations, orderly exits are successes."""
    with pytest.raises(type(raised)) as caught, flowstone.materialization("a"):
        raise raised
    assert caught.value is raised
    told: Any = flowstone_capture.one(event)
    assert status == told.status
