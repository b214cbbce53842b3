from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import flowstone
from flowstone.testing import Capture


def _work(n: int) -> int:
    with flowstone.materialization(f"part-{n}"):
        return n


def test_threads_of_a_pool_belong_to_the_run_around_them(flowstone_capture: Capture) -> None:
    """What they do is below the run, however many run at once, and outlives no call."""
    with flowstone.run("nightly") as run, ThreadPoolExecutor(4) as pool:
        assert list(range(20)) == list(pool.map(flowstone.carry(_work), range(20)))
        pool.submit(_work, 99).result()
    stops = flowstone_capture.of("materialization.stop")
    inside = [event for event in stops if event.trace_id == run.trace_id]
    assert 20 == len(inside)
    assert {(run.run_id, run.correlation_id)} == {(event.run_id, event.correlation_id) for event in inside}
    assert {f"{run.span_id:016x}"} == {event.parent_id for event in inside}


def test_a_process_goes_on_where_it_was_started() -> None:
    """It has the trace, the parent and the correlation id of who started it, and so have those that it starts."""
    script = (
        "import flowstone\n"
        "with flowstone.run('child') as run:\n"
        "    print(run.trace_id, run.correlation_id, f'{run.parent_id:016x}')"
    )
    with flowstone.run("nightly", correlation_id="ticket 7, ünusual"[:12]) as run:
        env = {**os.environ, **flowstone.environment(), "FLOWSTONE_STORE_URL": "off"}
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
        )
    assert f"{run.trace_id} {run.correlation_id} {run.span_id:016x}\n" == done.stdout


def test_outside_of_everything_there_is_nothing_to_carry() -> None:
    """No variable is made up."""
    assert {} == flowstone.environment()


def test_a_materialization_alone_carries_its_correlation_id(flowstone_capture: Capture) -> None:
    """Not only runs do."""
    with flowstone.materialization("a") as made:
        found = flowstone.environment()
    assert f"00-{made.trace_id}-{made.span_id:016x}-01" == found["TRACEPARENT"]
    assert f"flowstone.correlation.id={made.correlation_id}" == found["BAGGAGE"]
