"""Checkpoints over processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

import flowstone
from flowstone.face.timeline import events_under
from flowstone.plugin import Event, hookimpl
from flowstone.testing import Capture

pytest.importorskip("flowstone_console")

REQUEST = """
    import flowstone, sys
    with flowstone.run("nightly", run_id="r-1", correlation_id="order-7"):
        print(flowstone.checkpoint("publish", timeout=float(sys.argv[1])).request().id)
    flowstone.flush()
"""
DECIDE = """
    import flowstone, sys
    gate = flowstone.resume_checkpoint(sys.argv[1])
    sys.stdin.readline()
    try:
        gate.approve(actor=sys.argv[2])
        print("won")
    except flowstone.FlowstoneError as error:
        print(type(error).__name__, error)
"""


def start(script: str, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**os.environ, **settings}, stdin=pipe, stdout=pipe, text=True)


def say(script: str, *arguments: str, **settings: str) -> str:
    said, _ = start(script, *arguments, **settings).communicate("\n", timeout=30)
    return said.strip()


def trace(*arguments: str) -> str:
    command = [sys.executable, "-m", "flowstone.cli.main", "trace", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout


def test_of_two_processes_that_decide_at_once_one_wins() -> None:
    """The others get a clear error, and the store has one verdict."""
    id = say(REQUEST, "3600")
    workers = [start(DECIDE, id, f"actor-{number}") for number in range(4)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    said = sorted(worker.communicate(timeout=30)[0].strip() for worker in workers)
    lost = "CheckpointDecided checkpoint 'publish' was approved already; it cannot be approved"
    assert [lost, lost, lost, "won"] == said
    assert 1 == trace("order-7").count("checkpoint publish approved by actor-")


def test_a_time_out_is_derived_until_somebody_tells_it() -> None:
    """While nobody was alive, the trace shows the time-out as derived; the next resume tells it, once."""
    id = say(REQUEST, "0.2")
    first = trace("order-7")
    while "timed out" not in first:
        first = trace("order-7")
    assert "checkpoint publish timed out (derived)" in first
    assert "CheckpointExpired" in say(DECIDE, id, "ann")
    assert "CheckpointExpired" in say(DECIDE, id, "bob")
    shown = trace("order-7")
    assert (1, 0) == (shown.count("timed out"), shown.count("derived"))


def test_a_verdict_is_found_in_the_store_where_no_claim_is(home: Path) -> None:
    """Another host has no claims of this one: what a plugin's store knows counts as well."""
    id = say(REQUEST, "3600")
    assert "won" == say(DECIDE, id, "ann")
    for claim in (home / "checkpoints" / "until").glob("*/*"):
        claim.unlink()
    assert "CheckpointDecided checkpoint 'publish' was approved already; it cannot be approved" == say(
        DECIDE, id, "bob"
    )


def test_another_home_needs_the_same_key(tmp_path: Path) -> None:
    """Machines that share FLOWSTONE_CHECKPOINT_KEY trust one another's tokens; others do not."""
    id = say(REQUEST, "3600", FLOWSTONE_CHECKPOINT_KEY="shared")
    elsewhere = str(tmp_path / "elsewhere")
    with_key = {"FLOWSTONE_HOME": elsewhere, "FLOWSTONE_CHECKPOINT_KEY": "shared"}
    assert "won" == say(DECIDE, id, "ann", **with_key)
    said = say(
        "import flowstone, sys; flowstone.resume_checkpoint(sys.argv[1])", id, FLOWSTONE_HOME=elsewhere
    )
    assert "" == said


def test_where_flowstone_is_off_gates_work_alone() -> None:
    """Nothing is told and nothing breaks; a gate still has one verdict."""
    script = """
        import flowstone
        gate = flowstone.checkpoint("publish").request()
        flowstone.resume_checkpoint(gate.id).approve()
        gate.reject()
        try:
            gate.approve()
        except flowstone.CheckpointDecided as error:
            print(gate.id, error)
    """
    said = say(script, FLOWSTONE_ENABLED="0")
    assert "off checkpoint 'publish' was rejected already; it cannot be approved" == said


class Stored:
    """A plugin that knows events, or fails."""

    def __init__(self, events: Sequence[Event] | None) -> None:
        self.events = events

    @hookimpl
    def provide_timeline(self, id: str) -> Sequence[Event]:
        if self.events is None:
            raise OSError("no store")
        return [event for event in self.events if event.trace_id == id]


def test_the_answers_of_several_plugins_are_one(flowstone_capture: Capture) -> None:
    """Events that two stores know count once; a store that fails harms nobody and is told."""
    with flowstone.run("p") as run:
        pass
    told = flowstone_capture.events
    for plugin in (Stored(told), Stored(told[1:]), Stored(None)):
        flowstone_capture.engine.plugins.register(plugin)
    assert told == events_under(run.trace_id, 1.0)
    assert 1 == len(flowstone_capture.of("plugin.failed"))
