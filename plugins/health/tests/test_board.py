"""The board: time-outs, single flight, quarantine of what hangs, events of changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from flowstone.plugin import HealthCheck, HealthResult, ResourceHealthCheck, emit
from flowstone.testing import Capture
from flowstone.testing.capture import capture
from flowstone_health import verdict
from flowstone_health.board import Board
from flowstone_health.events import HealthChanged
from flowstone_health.plugin import HealthPlugin
from flowstone_health.resources import MOST, Resources, check_name
from flowstone_health.state import CheckState
from tests.otel.receivers import until

MakeBoard = Callable[..., Board]


def _state(board: Board, name: str) -> CheckState:
    (found,) = [state for state in board.states or () if state.name == name]
    return found


def test_a_hung_check_times_out_and_is_not_started_again(board: MakeBoard) -> None:
    """A look that hangs counts as unhealthy, keeps one thread, and a new look begins when it returns."""
    release, looks = threading.Event(), []

    def look() -> bool:
        looks.append(time.monotonic())
        return len(looks) > 1 or release.wait(20)

    one = board(HealthCheck(name="stuck", look=look, timeout=0.1, interval=0.05))
    time.sleep(0.4)
    state = _state(one, "stuck")
    assert (1, "unhealthy") == (len(looks), state.status)
    assert state.message(time.monotonic()).startswith("timeout (still running ")
    release.set()
    assert until(lambda: _state(one, "stuck").status == "healthy", 5)
    assert _state(one, "stuck").hung_since is None


def test_a_hung_check_does_not_hold_up_the_others(board: MakeBoard) -> None:
    """The others are looked at on time while one hangs."""
    release, looks = threading.Event(), [0]

    def look() -> bool:
        looks[0] += 1
        return True

    stuck = HealthCheck(name="stuck", look=lambda: release.wait(20), timeout=0.1)
    quick = HealthCheck(name="quick", look=look, interval=0.05)
    board(stuck, quick)
    time.sleep(0.5)
    release.set()
    assert looks[0] >= 4


def test_no_more_threads_than_checks(board: MakeBoard) -> None:
    """Checks that hang for many intervals have one thread each, and no more."""
    release = threading.Event()
    before = threading.active_count()
    checks = [
        HealthCheck(name=f"stuck_{n}", look=lambda: release.wait(20), timeout=0.05, interval=0.05)
        for n in range(10)
    ]
    board(*checks)
    time.sleep(0.5)
    assert threading.active_count() - before <= 11
    release.set()


@pytest.mark.parametrize(
    "raised", [ValueError("postgresql://u:hidden99@h/x"), SystemExit(3), KeyboardInterrupt()]
)
def test_what_a_check_raises_is_unhealthy(board: MakeBoard, raised: BaseException) -> None:
    """Whatever a check raises, its type is the message, and its text is nowhere."""

    def look() -> bool:
        raise raised

    state = _state(board(HealthCheck(name="broken", look=look)), "broken")
    assert state.look is not None
    assert ("unhealthy", f"the check raised {type(raised).__name__}") == (state.status, state.look.message)


@pytest.mark.parametrize("answer", [None, "weird", HealthResult(status="weird"), 7])  # type: ignore[arg-type]
def test_an_answer_that_is_none_is_unhealthy(board: MakeBoard, answer: object) -> None:
    """An answer that is not one of those that a check may give is not taken for health."""
    assert "unhealthy" == _state(board(HealthCheck(name="odd", look=lambda: answer)), "odd").status  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(("required", "expected"), [(True, "unhealthy"), (False, "degraded")])
def test_what_is_optional_degrades(board: MakeBoard, required: bool, expected: str) -> None:
    """A required check makes the whole unhealthy, an optional one degraded."""
    one = board(HealthCheck(name="bad", look=lambda: False, required=required))
    assert expected == verdict.judge(one.states, "ready", time.monotonic()).status


def test_raw_and_damped_are_both_known(board: MakeBoard) -> None:
    """With a fall of many, one bad answer shows as raw while the status holds."""
    answers = [True]
    one = board(HealthCheck(name="flaps", look=lambda: answers[0], interval=0.05, fall=1000))
    answers[0] = False
    assert until(lambda: (look := _state(one, "flaps").look) is not None and look.status == "unhealthy", 5)
    assert "healthy" == _state(one, "flaps").status


def test_a_state_that_ages_is_stale() -> None:
    """A state whose looks do not come is stale, and no longer makes the whole healthy."""
    with capture():
        one = Board(lambda: [HealthCheck(name="a", look=lambda: True, interval=1.0, timeout=1.0)])
        one.start()
        assert one.looked.wait(5)
        one.stop()
    later = time.monotonic() + 60
    assert _state(one, "a").is_stale(later)
    assert "degraded" == verdict.judge(one.states, "ready", later).status


def test_checks_that_cannot_be_collected_are_asked_for_again() -> None:
    """While the checks are not known the process is starting; it asks for them again, and its thread lives."""
    tries: list[float] = []

    def collect() -> list[HealthCheck]:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise RuntimeError
        return [HealthCheck(name="a", look=lambda: True)]

    with capture():
        one = Board(collect)
        one.start()
        assert one.looked.wait(5)
        one.stop()
    assert (2, "healthy") == (len(tries), _state(one, "a").status)


@pytest.mark.usefixtures("flowstone_capture")
def test_a_check_that_cannot_be_followed_hides_no_other(board: MakeBoard) -> None:
    """Whatever is wrong with one check, the others are looked at, in time."""
    bad: HealthCheck = HealthCheck(name="bad", look=lambda: False, timeout="5", applies_to=None)  # type: ignore[arg-type]
    odd: HealthCheck = HealthCheck(name="odd", look=lambda: threading.Event().wait(1), timeout="5")  # type: ignore[arg-type]
    one = board(bad, HealthCheck(name="good", look=lambda: True, interval=0.05), odd)
    began = time.monotonic()
    assert "unhealthy" == _state(one, "bad").status
    look = _state(one, "good").look
    assert look is not None
    assert until(lambda: (now := _state(one, "good").look) is not None and now.ended > began, 0.9)


def test_changes_leave_as_events_and_looks_do_not(flowstone_capture: Capture, board: MakeBoard) -> None:
    """Each change of the status is one health.changed; a shared resource tells itself then too, not on each look."""
    healthy = [True]
    check = HealthCheck(name="warehouse", look=lambda: healthy[0], component="database", interval=0.05)
    one = board(check)
    for to in (False, True):
        time.sleep(0.2)
        healthy[0] = to
        assert until(lambda: _state(one, "warehouse").status == ("healthy" if healthy[0] else "unhealthy"), 5)
    time.sleep(0.1)
    changes = [event for event in flowstone_capture.events if event.name == "health.changed"]
    told = [event for event in flowstone_capture.events if event.name == "resource.health_check"]
    expected = [("warehouse", "healthy", "unhealthy"), ("warehouse", "unhealthy", "healthy")]
    assert expected == [(e.check, e.before, e.after) for e in changes if isinstance(e, HealthChanged)]
    assert ["healthy", "unhealthy", "healthy"] == [
        e.status for e in told if isinstance(e, ResourceHealthCheck)
    ]
    assert {("warehouse", "unhealthy"): 1, ("warehouse", "healthy"): 1} == dict(one.teller.transitions)


def test_resources_of_the_pipeline_show_until_they_are_well(board: MakeBoard) -> None:
    """A resource that the pipeline saw unhealthy is an optional check, until it is seen healthy."""
    plugin = HealthPlugin()
    with capture(plugin) as captured:
        from flowstone_health import reporting

        one = board(resources=reporting.resources())
        emit(ResourceHealthCheck, resource="ware house", status="unhealthy")
        assert captured.events
        name = check_name("ware house")
        assert until(lambda: any(state.name == name for state in one.states or ()), 5)
        assert "degraded" == verdict.judge(one.states, "health", time.monotonic()).status
        emit(ResourceHealthCheck, resource="ware house", status="healthy")
        assert captured.events
        assert until(lambda: not one.states, 5)


def test_resources_are_bounded_and_forgotten() -> None:
    """No more resources are kept than fit, and none longer than its time."""
    resources = Resources(ttl=0.2)
    resources.feed([ResourceHealthCheck(resource=f"r{n}", status="unhealthy") for n in range(MOST + 50)])
    assert MOST == len(resources.states())
    time.sleep(0.25)
    assert [] == resources.states()


def test_our_own_events_do_not_feed_us(flowstone_capture: Capture, board: MakeBoard) -> None:
    """The event by which a check tells of its resource does not come back as another check."""
    resources = Resources(ttl=60)
    board(HealthCheck(name="warehouse", look=lambda: False, component="database"))
    resources.feed(flowstone_capture.events)
    assert "resource.health_check" in flowstone_capture.names()
    assert [] == resources.states()
