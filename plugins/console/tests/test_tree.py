from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone.plugin import (
    CheckpointApproved,
    CheckpointRequested,
    CustomEvent,
    Event,
    EventDropped,
    IoLoadStart,
    MaterializationStart,
    MaterializationStop,
    ResourceHealthCheck,
    RunStart,
)
from flowstone_console.model import Node, Trace
from flowstone_console.processes import Judge
from flowstone_console.tree import build
from plugins.console.tests.story import BEGIN, SECOND, Story

NOW = BEGIN + 20 * SECOND
JUDGE = Judge()


def tree(events: list[Event]) -> Trace:
    return build(events, JUDGE, NOW)


def titles(nodes: tuple[Node, ...]) -> list[object]:
    return [[node.title, node.mark, titles(node.children)] for node in nodes]


def pool() -> list[Event]:
    """Events with all that can go wrong: lost starts and ends, a lost parent, a circle, points, two ends."""
    one, two = Story(1), Story(1)
    return [
        *one.success(),
        *[replace(event, span_id="9" + event.span_id[1:], parent_id="") for event in two.failure()],
        one.event(MaterializationStart, 20, 77, 2.0, asset="orphan"),
        one.event(MaterializationStop, 21, 1, 3.0, asset="late", duration=SECOND),
        one.event(IoLoadStart, 30, 31, 2.0, asset="a"),
        one.event(IoLoadStart, 31, 30, 2.5, asset="b"),
        one.event(IoLoadStart, 32, 32, 2.5, asset="self"),
        one.event(MaterializationStop, 2, 1, 9.0, asset="daily_report", duration=SECOND),
        one.event(CheckpointRequested, 40, 2, 1.0, checkpoint="publish"),
        one.event(CheckpointApproved, 41, 2, 4.0, checkpoint="publish", actor="ann", duration=3 * SECOND),
        one.event(CustomEvent, 2, 1, 2.0, name="my.start"),
        one.event(EventDropped, 50, 0, 5.0, event="io.load.start", count=3),
    ]


POOL = pool()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(range(len(POOL))), max_size=60), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(chosen: list[int], random: st.random_module) -> None:  # type: ignore[valid-type]
    """Any permutation of any selection of events, each any number of times, gives the same tree."""
    once = [POOL[index] for index in sorted(set(chosen))]
    shuffled = [POOL[index] for index in chosen]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    expected, got = tree(once), tree(shuffled)
    repeated = len(chosen) - len(once)
    assert expected.completeness.duplicates + repeated == got.completeness.duplicates
    assert replace(expected, completeness=got.completeness) == got
    spans = {event.span_id for event in once if event.name.endswith((".start", ".stop", ".exception"))}
    customs = {event.span_id for event in once if isinstance(event, CustomEvent)}
    assert spans >= _ids(got.nodes) >= spans - customs


def _ids(nodes: tuple[Node, ...]) -> set[str]:
    return {node.span_id for node in nodes}.union(*(_ids(node.children) for node in nodes))


def test_a_run_is_shown_as_it_nested() -> None:
    """Operations hang under the operations that enclosed them."""
    expected = [["run nightly", "", [["materialize daily_report", "", [["load orders", "", []]]]]]]
    assert expected == titles(tree(Story().success()).nodes)


def test_half_an_operation_is_an_operation() -> None:
    """A start alone is running, a stop alone is complete and began its duration before."""
    events = Story().success()
    alone = tree([events[0], events[4]])
    (run,) = alone.nodes
    (made,) = run.children
    assert ("running", "success") == (run.state, made.state)
    assert (events[4].time - 8 * SECOND, 8 * SECOND) == (made.start, made.duration)


def test_a_lost_parent_is_marked() -> None:
    """What has no parent hangs under the run, marked and counted."""
    story = Story()
    trace = tree([*story.success(), story.event(IoLoadStart, 8, 77, 1.0, asset="stray")])
    (run,) = trace.nodes
    assert ["load stray", "missing parent", []] in titles(run.children)
    assert 1 == trace.completeness.orphans


def test_a_run_below_a_foreign_span_is_no_orphan() -> None:
    """A run whose parent came in from elsewhere is the root."""
    trace = tree([replace(Story().event(RunStart, 1, 0, 0.0), parent_id="00000000000000ff")])
    assert ([["run nightly", "", []]], 0) == (titles(trace.nodes), trace.completeness.orphans)


def test_circles_of_parents_are_broken() -> None:
    """Operations that are each other's parents are all shown, once."""
    story = Story()
    trace = tree(
        [story.event(IoLoadStart, 1, 2, 0.0, asset="a"), story.event(IoLoadStart, 2, 1, 1.0, asset="b")]
    )
    assert [["load a", "parent cycle", [["load b", "", []]]]] == titles(trace.nodes)


def test_what_is_too_deep_is_flattened() -> None:
    """Three hundred levels do not break the tree: the deepest hundred stay, the others become siblings."""
    story = Story()
    trace = tree(
        [story.event(IoLoadStart, span, span - 1, span / 100, asset=f"a{span}") for span in range(1, 301)]
    )
    assert {f"{span:016x}" for span in range(1, 301)} == _ids(trace.nodes)
    depth, nodes = 0, trace.nodes
    while nodes:
        depth, nodes = depth + 1, nodes[0].children
    assert 101 == depth


def test_points_hang_where_they_happened() -> None:
    """A checkpoint shows in the operation that asked, a check outside of everything shows outside."""
    story = Story()
    trace = tree(
        [
            *POOL[:6],
            *POOL[-4:-2],
            story.event(ResourceHealthCheck, 60, 0, 1.0, resource="db", status="degraded"),
        ]
    )
    (made,) = trace.nodes[0].children
    assert ["checkpoint publish requested", "checkpoint publish approved by ann"] == [
        p.title for p in made.points
    ]
    assert ["resource db degraded"] == [point.title for point in trace.points]


def test_losses_are_counted() -> None:
    """The counts of event.dropped add up, those of the trace and those told beside it."""
    story = Story()
    lost = [story.event(EventDropped, 50, 0, at, event="io.load.start", count=3) for at in (1.0, 2.0)]
    assert 7 == build([*story.success(), *lost], JUDGE, NOW, dropped=1).completeness.dropped


def test_the_last_attempt_decides() -> None:
    """A run that was tried again with success did not fail."""
    first, second = Story(), Story()
    again = [
        replace(event, span_id="9" + event.span_id[1:], time=event.time + SECOND)
        for event in second.success()
    ]
    again = [
        replace(event, parent_id=event.parent_id and "9" + event.parent_id[1:], id="a" * 31 + str(n))
        for n, event in enumerate(again)
    ]
    assert ("failure", "success") == (tree(first.failure()).state, tree([*first.failure(), *again]).state)


def test_partitions_are_shown_as_text() -> None:
    """Dates and tuples have one display form."""
    start = Story().event(MaterializationStart, 1, 0, 0.0, asset="a", partition=(date(2025, 1, 15), "eu"))
    assert "2025-01-15|eu" == tree([start]).nodes[0].partition
