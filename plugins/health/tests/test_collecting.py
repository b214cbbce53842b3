"""Which checks there are, and how a third party adds one."""

from __future__ import annotations

import pytest

from flowstone.plugin import HealthCheck, hookimpl
from flowstone.testing.capture import capture
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
