from __future__ import annotations

from contextlib import suppress
from typing import Any

import flowstone
from flowstone.plugin import current
from flowstone.testing import Capture


def test_an_operation_that_is_used_again_is_another_one(flowstone_capture: Capture) -> None:
    """Each use has a start and an end of its own, in the run it happened in, with its own outcome and numbers."""
    load = flowstone.io_load("orders", io_manager="s3")
    with flowstone.run("first", correlation_id="one"), load as io:
        io.rows = 10
    with flowstone.run("second", correlation_id="two"), suppress(ValueError), load:
        load.rows = 99
        raise ValueError("lost")
    told: list[Any] = [event for event in flowstone_capture.events if event.name.startswith("io.load.")]
    assert [
        ("io.load.start", "one", None),
        ("io.load.stop", "one", 10),
        ("io.load.start", "two", None),
        ("io.load.exception", "two", None),
    ] == [(event.name, event.correlation_id, getattr(event, "rows", None)) for event in told]
    assert 2 == len({event.span_id for event in told})


def test_what_is_set_on_an_object_that_is_used_again_is_of_the_later_use(flowstone_capture: Capture) -> None:
    """Not only what is set on what ``with`` gives."""
    load = flowstone.io_load("orders")
    for rows in (1, 2):
        with load:
            load.rows = rows
    told: list[Any] = flowstone_capture.of("io.load.stop")
    assert [1, 2] == [event.rows for event in told]


def test_a_run_that_is_used_again_is_another_run(flowstone_capture: Capture) -> None:
    """With ids of its own."""
    again = flowstone.run("nightly")
    for _ in range(3):
        with again as run:
            assert current() is run
    assert current() is None
    assert 3 == len({event.run_id for event in flowstone_capture.of("run.stop")})


def test_an_operation_inside_of_itself_leaves_nothing_behind(flowstone_capture: Capture) -> None:
    """Both blocks are told, one below the other, and afterwards nobody is inside of anything."""
    made = flowstone.materialization("a")
    with made, made:
        pass
    assert current() is None
    inner, outer = flowstone_capture.of("materialization.stop")
    assert inner.parent_id == outer.span_id
