"""The contract of plugins, as a suite that anybody runs over theirs in one line.

class TestMine(PluginContract):
    plugin = MyPlugin
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, Final

import click
import pytest
from click.testing import CliRunner

from flowstone.catalogue import codec, names
from flowstone.catalogue.event import Event
from flowstone.catalogue.registry import builtin_events, name_of
from flowstone.catalogue.values import RESOURCE_STATUSES
from flowstone.dispatch.compiled import Implementation
from flowstone.dispatch.wall import BATCH_BUDGET_S, CALLER_BUDGET_NS
from flowstone.runtime.checks import HealthCheck
from flowstone.runtime.drain import CHUNK
from flowstone.testing.capture import Capture, capture
from flowstone.testing.feeding import feed
from flowstone.testing.forked import in_child
from flowstone.testing.samples import sample, samples

_WAIT_S: Final = 5.0
_TRIES: Final = 3  # a budget is missed when the best of them misses it: machines are noisy
_CALLED: Final = ("on_events", "settle")


class PluginContract:
    """What every plugin promises. Subclass it in a test file, and name the plugin.

    ``class TestMine(PluginContract): plugin = MyPlugin`` is all.

    Attributes:
        plugin: The plugin as its entry point names it: a class (each test makes one), an instance or a module.
        batch_budget: Seconds that a batch of 64 events may take.
    """

    plugin: ClassVar[Any] = None
    batch_budget: ClassVar[float] = BATCH_BUDGET_S

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "home"))

    @pytest.fixture
    def captured(self, _home: None) -> Iterator[Capture]:
        """An engine with the plugin and nobody else."""
        with capture() as captured:
            captured.engine.plugins.register(self.made(), "subject")
            yield captured

    def made(self) -> Any:
        """Return the plugin under test, a new one where it is a class."""
        plugin = inspect.getattr_static(self, "plugin")
        assert plugin is not None, "set the class attribute `plugin` to your plugin"
        return plugin() if inspect.isclass(plugin) else plugin

    def test_it_implements_hooks_that_exist(self, captured: Capture) -> None:
        """It registers, with at least one hook and none that flowstone does not know."""
        hooks = captured.engine.plugins.infos()[-1].hooks
        assert hooks, "no method is marked with @hookimpl"

    def test_it_forgot_no_mark(self, captured: Capture) -> None:
        """Every method that is named like a hook is one."""
        plugins = captured.engine.plugins
        known = {names.hook_of_name(name) for name in plugins.catalogue.names()} | {"on_events"}
        marked = set(plugins.infos()[-1].hooks)
        methods = {
            name for name in dir(plugins.get("subject")) if name in known or name.startswith("provide_")
        }
        assert sorted(methods - marked) == [], "these need @hookimpl, or another name"

    def test_it_survives_every_event(self, captured: Capture, capfd: pytest.CaptureFixture[str]) -> None:
        """No event makes it raise, overrun or print: not the bare ones, nor any name or text."""
        for cls in captured.engine.plugins.catalogue:
            assert feed(captured.engine, samples(cls)), f"{name_of(cls)} was not delivered in time"
            assert _fault(captured) == "", f"on {name_of(cls)}"
        assert capfd.readouterr() == ("", ""), "plugins do not print; use logging, or count()"

    def test_it_survives_an_empty_batch(self, captured: Capture) -> None:
        """A batch without events is not an error."""
        for one in _called(captured):
            one.call(())

    def test_it_may_be_flushed_and_shut_down_twice(
        self, captured: Capture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Flush and shutdown may come first, twice and with events behind them, and end in time."""
        engine = captured.engine
        for hook in ("flush", "flush", "shutdown", "shutdown", "flush"):
            began = monotonic()
            engine.flush(_WAIT_S, hook)
            assert monotonic() - began < 2 * _WAIT_S, f"{hook} took longer than it was given"
            assert _fault(captured) == "", f"in {hook}"
            feed(engine, [sample(cls) for cls in builtin_events()])
            assert _fault(captured) == "", f"on an event after {hook}"
        assert capfd.readouterr() == ("", "")

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_it_lives_on_in_a_forked_child(self, captured: Capture) -> None:
        """What it holds (connections, threads, locks) does not break a child of the process."""
        feed(captured.engine, [sample(cls) for cls in builtin_events()])
        batch = [sample(cls) for cls in builtin_events()]
        hooks = [*_called(captured), *_implementations(captured, "flush")]

        def in_the_child() -> None:
            for one in hooks:
                one.call(_WAIT_S if one.function.__name__ == "flush" else batch)

        assert in_child(in_the_child) == ""

    def test_it_keeps_its_budgets(self, captured: Capture) -> None:
        """A full batch, and each hook on the caller, take no longer than they may."""
        classes = list(captured.engine.plugins.catalogue)
        batch = [sample(classes[n % len(classes)]) for n in range(CHUNK)]
        assert _seconds(_called(captured), batch) <= self.batch_budget, f"for a batch of {CHUNK} events"
        for cls in classes:
            hook = names.hook_of_name(name_of(cls))
            took = _seconds(_implementations(captured, hook), sample(cls))
            assert took <= CALLER_BUDGET_NS / 1e9, f"{hook} is called on the user's thread"

    def test_its_events_are_well_formed(self, captured: Capture) -> None:
        """Its events have names and descriptions, and come back from JSON as they were."""
        catalogue = captured.engine.plugins.catalogue
        for cls in set(catalogue) - set(builtin_events()):
            assert names.is_name(name_of(cls)), f"{cls.__name__} needs @event(subject=...)"
            assert not (cls.__doc__ or "").startswith(f"{cls.__name__}("), f"{cls.__name__} needs a docstring"
            for event in samples(cls):
                assert _jsonable(event) == _jsonable(codec.decode(codec.encode(event), catalogue.get))

    def test_its_commands_explain_themselves(self, captured: Capture) -> None:
        """Each of its commands has a name and a help text, and shows it."""
        for one in _implementations(captured, "provide_commands"):
            for command in one.call(None):
                assert isinstance(command, click.Command), f"{command!r} is no click command"
                assert command.name, "a command has no name"
                assert command.help, f"{command.name} has no help text"
                assert CliRunner().invoke(command, ["--help"]).exit_code == 0, command.name

    def test_its_health_checks_answer(self, captured: Capture) -> None:
        """Each of its health checks is a well-formed ``HealthCheck`` with a name of its own, and answers with a status."""
        for one in _implementations(captured, "provide_health_checks"):
            checks = one.call(None)
            for check in checks:
                assert isinstance(check, HealthCheck), f"{check!r} is no flowstone.plugin.HealthCheck"
                assert not check.malformed(), f"{check.name!r}: {check.malformed()}"
                assert re.fullmatch("[a-z0-9_]+", check.name), f"{check.name!r}: lower-case words and _ only"
                assert check.answer().status in RESOURCE_STATUSES, check.name
            assert len(checks) == len({check.name for check in checks}), "two checks have one name"

    @pytest.mark.usefixtures("_home")
    def test_it_registers_twice_in_a_process(self) -> None:
        """A second engine, as a forked child or a test has one, takes it like the first."""
        for _ in range(2):
            with capture() as captured:
                captured.engine.plugins.register(self.made(), "subject")
                assert feed(captured.engine, [sample(cls) for cls in builtin_events()])
                assert _fault(captured) == ""


def _implementations(captured: Capture, hook: str) -> list[Implementation]:
    return [one for one in captured.engine.plugins.implementations(hook) if one.plugin == "subject"]


def _called(captured: Capture) -> list[Implementation]:
    return [one for hook in _CALLED for one in _implementations(captured, hook)]


def _fault(captured: Capture) -> str:
    """Return what the plugin did wrong so far, with its message where there is one."""
    conduct = captured.engine.wall.conduct("subject")
    if not conduct.failures:
        return ""
    told = [event for event in captured.of("plugin.failed") if getattr(event, "plugin", "") == "subject"]
    error = getattr(told[-1], "error", None) if told else None
    return f"{conduct.last}: {error.message}\n{error.stack}" if error else conduct.last


def _seconds(hooks: list[Implementation], argument: object) -> float:
    """Return how long *hooks* take with *argument*, the best of some tries."""
    best = float("inf")
    for _ in range(_TRIES):
        began = monotonic()
        for one in hooks:
            one.call(argument)
        best = min(best, monotonic() - began)
    return best


def _jsonable(event: Event) -> Event:
    """Return *event* with its attributes as JSON gives them back."""
    return replace(event, attributes=dict(event.attributes))
