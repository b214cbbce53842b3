"""Which checks there are, and how a third party adds one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from flowstone.plugin import HealthCheck, hookimpl
from flowstone.testing.capture import capture
from flowstone_health.board import Board
from flowstone_health.collecting import MOST, collect, named
from flowstone_health.plugin import HealthPlugin


class Third:
    @hookimpl
    def provide_health_checks(self) -> list[HealthCheck]:
        return [HealthCheck(name="third", look=lambda: True)]


class Broken:
    @hookimpl
    def provide_health_checks(self) -> list[HealthCheck]:
        raise RuntimeError


def test_the_checks_of_all_plugins_are_found() -> None:
    """A third party's check stands beside our own, and a plugin that fails takes none away."""
    with capture(HealthPlugin(), Broken(), Third()):
        found = {check.name for check in collect()}
    assert {"telemetry_drain", "telemetry_export", "plugins", "disk", "third"} == found


def test_a_database_is_looked_at_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLOWSTONE_HEALTH_DATABASE_URL adds the check `database`."""
    monkeypatch.setenv("FLOWSTONE_HEALTH_DATABASE_URL", "sqlite://")
    with capture():
        (check,) = collect()
    assert ("database", "database", "healthy") == (check.name, check.component, check.answer().status)


def test_names_are_unique_and_fit_a_path() -> None:
    """Whatever names checks have, they are found by one of their own, and strangers are left out."""
    checks = [HealthCheck(name=name, look=lambda: True) for name in ("a", "a", "A/b c", "", "x" * 100)]
    assert ["a", "a_2", "a_b_c", "check", "x" * 64] == [check.name for check in named([*checks, object()])]


def test_the_number_of_checks_is_bounded() -> None:
    """No plugin can have more threads started than there may be checks."""
    assert MOST == len(named(HealthCheck(name=f"c{n}", look=lambda: True) for n in range(MOST + 5)))


async def _later() -> bool:
    return True


class _AsyncLook:
    async def __call__(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("timeout", None, "timeout has to be a number of seconds, not None"),
        ("timeout", "5", "timeout has to be a number of seconds, not str"),
        ("timeout", -1, "timeout has to be above 0 and finite"),
        ("timeout", True, "timeout has to be a number of seconds, not bool"),
        ("interval", timedelta(seconds=10), "interval has to be a number of seconds, not timedelta"),
        ("interval", float("nan"), "interval has to be above 0 and finite"),
        ("interval", 1e300, "interval has to be above 0 and finite"),
        ("fall", "2", "fall has to be a whole number, not str"),
        ("rise", 0, "rise has to be above 0"),
        ("applies_to", None, "applies_to has to be a set of probes, not None"),
        ("applies_to", "live", "applies_to has to be a set of probes, not str"),
        ("applies_to", {"alive"}, "applies_to may hold live, ready, startup and nothing else"),
        ("required", "no", "required has to be True or False, not str"),
        ("component", ["db"], "component has to be a text, not list"),
        ("name", None, "name has to be a text, not None"),
        ("look", None, "look has to be a function, not None"),
        ("look", _later, "look is a coroutine function"),
        ("look", partial(_later), "look is a coroutine function"),
        ("look", _AsyncLook(), "look is a coroutine function"),
    ],
)
@pytest.mark.usefixtures("flowstone_capture")
def test_a_malformed_check_is_unhealthy_and_hides_no_other(
    board: Callable[..., Board], field: str, value: object, why: str
) -> None:
    """A check with a field of another type says what is wrong with it; the others are looked at as ever."""
    fields: dict[str, Any] = {"name": "bad", "look": lambda: True, field: value}
    bad, good = named([HealthCheck(**fields), HealthCheck(name="good", look=lambda: True)])
    one = board(bad, good)
    shown = {state.name: (state.status, state.message(0.0)) for state in one.states or ()}
    (status, message) = shown["check" if field == "name" else "bad"]
    assert ("unhealthy", ("healthy", "")) == (status, shown["good"])
    assert message.startswith(f"malformed: {why}")


def test_a_malformed_check_is_no_part_of_liveness() -> None:
    """No restart mends a check's code, so none is begun for it; what was optional stays so."""
    fields: dict[str, Any] = {"look": None, "applies_to": frozenset({"live"}), "required": False}
    (bad,) = named([HealthCheck(name="bad", **fields)])
    assert (frozenset({"ready"}), False) == (bad.applies_to, bad.required)


def test_probes_may_stand_in_any_collection() -> None:
    """A list or a set of probes is as good as a frozen set, and whole numbers are seconds too."""
    fields: dict[str, Any] = {"applies_to": ["live", "ready"], "timeout": 2}
    check = HealthCheck(name="a", look=lambda: True, **fields)
    assert ("", [check]) == (check.malformed(), named([check]))
