from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from flowstone.plugin import IoLoadStop, MaterializationStop, Process, RunHeartbeat, decode, this_process
from flowstone_console.abandoned import is_closing
from flowstone_console.closures import close_abandoned
from flowstone_console.config import Config
from flowstone_console.processes import Judge
from flowstone_console.reader import Reader
from flowstone_console.rows import split
from flowstone_console.store import Store
from flowstone_console.telling import closed_events
from flowstone_console.tree import build
from flowstone_console.writer import Writer
from plugins.console.tests.story import BEGIN, SECOND, Story

RUN_FOR_EVER = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from pathlib import Path
from plugins.console.tests.story import Story
from flowstone_console.config import Config
from flowstone_console.rows import split
from flowstone_console.store import Store
from flowstone_console.writer import Writer
path = Path(sys.argv[1])
writer = Writer(Store(path), Config(path=path, max_age=1e9))
writer.write(Story(7).success()[:4])
print("written", flush=True)
time.sleep(60)
"""


def states(path: Path, text: str) -> list[str]:
    with Reader(path) as reader:
        nodes = list(reader.timeline(text).traces[0].nodes)
    for node in nodes:
        nodes.extend(node.children)
    return [node.state for node in nodes]


def test_a_killed_process_leaves_its_work_abandoned(path: Path, config: Config) -> None:
    """Work shows as running until its process gets SIGKILL, then as abandoned; the next process writes that once."""
    child = subprocess.Popen(
        [sys.executable, "-c", RUN_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert "written\n" == child.stdout.readline()
    assert ["running", "running", "success"] == states(path, "order-7")
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    child.stdout.close()
    assert ["abandoned", "abandoned", "success"] == states(path, "order-7")

    for number in (8, 9):  # two processes' worth of first batches
        writer = Writer(Store(path), config)
        writer.write(Story(number).success())
        writer.close(1.0)
    with sqlite3.connect(path) as connection:
        bodies = connection.execute("SELECT body FROM events").fetchall()
        assert (0,) == connection.execute("SELECT count(*) FROM open_spans").fetchone()
    connection.close()
    events = [decode(line) for (body,) in bodies for line in split(body)]
    ends = sorted(filter(is_closing, events), key=lambda event: event.span_id)
    assert ["run.exception", "materialization.exception"] == [end.name for end in ends]
    assert {BEGIN + 72 * SECOND // 100} == {end.time for end in ends}
    assert ["abandoned", "abandoned", "success"] == states(path, "order-7")


def test_the_list_says_abandoned_as_the_tree_does(path: Path, writer: Writer, dead: Process) -> None:
    """Also for a run that was last seen when it began, whose end is of the same moment."""
    writer.write(Story(1).success())
    writer.write(Story(2, process=dead).success()[:1])
    writer.write(Story(3, process=dead).success()[:3])
    store = Store(path)
    assert 4 == close_abandoned(store)
    store.close()
    with Reader(path) as reader:
        found = {each.correlation_id: each.state for each in reader.recent(10)}
        trees = {text: reader.timeline(text).traces[0].state for text in found}
    assert {"order-1": "success", "order-2": "abandoned", "order-3": "abandoned"} == found == trees


def test_a_start_that_comes_after_its_end_reopens_nothing(path: Path, writer: Writer) -> None:
    """Not even where both are of one moment."""
    start, *_, end = Story(1).success()
    for event in (replace(end, time=start.time), start):
        writer.write([event])
    with Reader(path) as reader:
        assert ["success"] == [each.state for each in reader.recent(10)]


def test_derived_and_written_ends_are_the_same(path: Path, writer: Writer, dead: Process) -> None:
    """The end that a reader derives is the event, id included, that a writer appends."""
    writer.write(Story(1).success())  # the chores of a first write are behind us
    writer.write(Story(2, process=dead).success()[:3])
    with Reader(path) as reader:
        derived = closed_events(reader.timeline("order-2"))
    store = Store(path)
    assert 3 == close_abandoned(store)
    assert 0 == close_abandoned(store)
    store.close()
    with Reader(path) as reader:
        written = closed_events(reader.timeline("order-2"))
    assert derived == written


def test_an_end_that_came_before_its_start_is_an_end(path: Path, writer: Writer, dead: Process) -> None:
    """A span whose stop was stored by another process before its start is never closed as abandoned."""
    writer.write(Story(1).success())
    events = Story(2, process=dead).success()
    for event in reversed(events):
        writer.write([event])
    store = Store(path)
    assert 0 == close_abandoned(store)
    store.close()
    assert ["success"] * 3 == states(path, "order-2")


def test_work_that_was_taken_for_dead_and_ended_after_all_counts_as_ended(
    path: Path, writer: Writer, dead: Process
) -> None:
    """The end that the work itself tells wins over a derived one, whichever came first."""
    writer.write(Story(1).success())
    story = Story(2, process=dead)
    events = story.success()
    writer.write(events[:3])
    store = Store(path)
    assert 3 == close_abandoned(store)
    store.close()
    writer.write(events[3:])
    assert ["success"] * 3 == states(path, "order-2")


def test_another_boot_of_this_host_is_dead() -> None:
    """A process of an earlier boot is gone, whatever has its pid now."""
    earlier = replace(this_process(), boot_id="earlier")
    assert [True, False] == [Judge().is_gone(process, 0) for process in (earlier, this_process())]


def test_another_host_is_given_three_heartbeats() -> None:
    """Work of another host is running until its trace is silent for 180 s; a heartbeat breaks the silence."""
    story = Story(1, process=replace(this_process(), host="elsewhere"))
    starts = story.success()[:2]
    now = BEGIN + 200 * SECOND
    assert "abandoned" == build(starts, Judge(), now).state
    beat = story.event(RunHeartbeat, 1, 0, 60.0)
    assert "running" == build([*starts, beat], Judge(), now).state


def test_the_last_known_moment_is_the_latest_of_subtree_and_process(dead: Process) -> None:
    """A dead process was alive when it last told something, and its work when anything below it did."""
    story = Story(1, process=dead)
    run, mat, load = story.success()[:3]
    elsewhere = story.event(IoLoadStop, 3, 2, 3.0, asset="orders", duration=SECOND)
    other = story.event(MaterializationStop, 9, 1, 5.0, asset="other", duration=SECOND)
    trace = build([run, mat, load, elsewhere, other], Judge(), time.time_ns())
    root = trace.nodes[0]
    middle = next(child for child in root.children if child.span_id.endswith("2"))
    assert (5 * SECOND, 3 * SECOND) == ((root.last_seen or 0) - BEGIN, (middle.last_seen or 0) - BEGIN)


def test_a_start_without_a_process_is_running(path: Path, config: Config) -> None:
    """Where nobody knows the process, nothing is called abandoned."""
    story = Story(1)
    start = replace(story.success()[0], process=None)  # type: ignore[call-arg]
    writer = Writer(Store(path), config)
    writer.write([start])
    writer.close(1.0)
    assert ["running"] == states(path, "order-1")
