from __future__ import annotations

import asyncio
from typing import Any

import flowstone
from flowstone.plugin import root_attributes
from flowstone.testing import Capture


def work() -> None:
    with flowstone.materialization("orders"):
        flowstone.resource_health("warehouse", healthy=True)


def test_a_run_carries_the_attributes_of_its_block_from_start_to_end(flowstone_capture: Capture) -> None:
    """Start and end of a run have them; what is inside of it, and what comes after, does not."""
    with root_attributes({"user.id": "ann"}), flowstone.run("nightly", attributes={"own": 1}):
        work()
    with flowstone.run("later"):
        pass
    carried = [(event.name, dict(event.attributes)) for event in flowstone_capture.events]
    both = {"user.id": "ann", "own": 1}
    assert [
        ("run.start", both),
        ("materialization.start", {}),
        ("resource.health_check", {}),
        ("materialization.stop", {}),
        ("run.stop", both),
        ("run.start", {}),
        ("run.stop", {}),
    ] == carried


def test_what_stands_alone_carries_them(flowstone_capture: Capture) -> None:
    """An operation and a point outside of runs have them; one given to the operation itself wins."""
    with root_attributes({"user.id": "ann", "team": "data"}), root_attributes({"team": "ops"}):
        with flowstone.materialization("orders", attributes={"user.id": "bob"}):
            pass
        flowstone.sensor_poll("s3")
    wins = {"user.id": "bob", "team": "ops"}
    assert [wins, wins, {"user.id": "ann", "team": "ops"}] == [
        dict(event.attributes) for event in flowstone_capture.events
    ]


def test_a_checkpoint_carries_who_asked_and_who_decided(flowstone_capture: Capture) -> None:
    """Request and verdict each have those of their own block; a time-out, noticed by anybody, has none."""
    with root_attributes({"user.id": "ann"}):
        gate = flowstone.checkpoint("publish").request()
    with root_attributes({"user.id": "bob"}):
        gate.approve()
        flowstone.checkpoint("other").request().expire()
    told: list[Any] = flowstone_capture.events
    assert [
        ("checkpoint.requested", {"user.id": "ann"}),
        ("checkpoint.approved", {"user.id": "bob"}),
        ("checkpoint.requested", {"user.id": "bob"}),
        ("checkpoint.timeout", {}),
    ] == [(event.name, dict(event.attributes)) for event in told]


def test_a_decorated_function_carries_them_by_call(flowstone_capture: Capture) -> None:
    """Each call of a decorated function has what its own caller's block gives."""

    @flowstone.run("nightly")
    def nightly() -> None:
        pass

    with root_attributes({"user.id": "ann"}):
        nightly()
    nightly()
    assert [{"user.id": "ann"}, {"user.id": "ann"}, {}, {}] == [
        dict(event.attributes) for event in flowstone_capture.events
    ]


def test_tasks_do_not_mix(flowstone_capture: Capture) -> None:
    """Concurrent tasks each have their own."""

    async def work(name: str) -> None:
        with root_attributes({"user.id": name}):
            await asyncio.sleep(0)
            with flowstone.run(name):
                await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(*(work(name) for name in ("ann", "bob", "eve")))

    asyncio.run(both())
    runs: list[Any] = flowstone_capture.events
    assert 6 == len(runs)
    assert all(event.pipeline == event.attributes["user.id"] for event in runs)


def test_what_is_not_known_yet_is_asked_for_when_something_begins(flowstone_capture: Capture) -> None:
    """A callable is asked by each run; a block inside of it wins; one that raises gives none, and breaks nothing."""
    known: dict[str, object] = {}

    def ask() -> dict[str, object]:
        with flowstone.run("asking"):  # asks nobody
            return {"user.id": known["user"]}

    with root_attributes({"team": "data"}), root_attributes(ask):
        for user in (None, "ann"):
            known.update({"user": user} if user else {})
            with flowstone.run("nightly"):
                pass
        with root_attributes({"user.id": "bob"}), flowstone.run("nightly"):
            pass
    told: list[Any] = flowstone_capture.of("run.start")
    assert [{"team": "data"}, {"team": "data", "user.id": "ann"}, {"team": "data", "user.id": "bob"}] == [
        dict(event.attributes) for event in told if event.pipeline == "nightly"
    ]
    assert [{}] * 3 == [dict(event.attributes) for event in told if event.pipeline == "asking"]


def test_none_takes_away_what_a_block_around_gives(flowstone_capture: Capture) -> None:
    """An inner block may take an attribute back; outside of it, it is there again."""
    with root_attributes({"user.id": "ann", "team": "data"}):
        with root_attributes({"user.id": None}), flowstone.run("nightly"):
            pass
        with flowstone.run("nightly"):
            pass
    assert [{"team": "data"}, {"team": "data", "user.id": "ann"}] == [
        dict(event.attributes) for event in flowstone_capture.of("run.stop")
    ]


def test_a_run_that_is_used_again_carries_those_of_its_own_use(flowstone_capture: Capture) -> None:
    """Nothing of the block around the first use is left for the second."""
    run = flowstone.run("nightly", attributes={"own": 1})
    for name in ("ann", "bob"):
        with root_attributes({"user.id": name}), run:
            pass
    with run:
        pass
    assert [{"user.id": "ann", "own": 1}, {"user.id": "bob", "own": 1}, {"own": 1}] == [
        dict(event.attributes) for event in flowstone_capture.of("run.stop")
    ]
