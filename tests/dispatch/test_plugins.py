"""Registration and compiled callers (law 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint

import pluggy
import pytest

import flowstone
from flowstone.dispatch.plugins import Plugins
from flowstone.dispatch.wall import Fault, Wall
from flowstone.plugin import Event, MaterializationStart, event, hookimpl
from flowstone.testing import Capture


def plugins(faults: list[Fault] | None = None, **options: object) -> Plugins:
    """Return an empty registry whose faults go into a list."""
    kept = faults if faults is not None else []
    return Plugins(Wall(kept.append), **options)  # type: ignore[arg-type]


class Named:
    """Notes its name when a materialization starts."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self.name = name
        self.heard = heard

    @hookimpl
    def on_materialization_start(self, event: Event) -> None:
        self.heard.append(self.name)


class First(Named):
    """The same, before the others."""

    @hookimpl(tryfirst=True)
    def on_materialization_start(self, event: Event) -> None:
        self.heard.append(self.name)


class Silent:
    """The same, without asking for the event."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self.name = name
        self.heard = heard

    @hookimpl
    def on_materialization_start(self) -> None:
        self.heard.append(self.name)


def test_the_compiled_order_is_pluggys() -> None:
    """A tryfirst one goes first, then last registered first; arguments may be left out."""
    heard: list[str] = []
    registry = plugins()
    for plugin in (Named("a", heard), First("b", heard), Silent("c", heard)):
        registry.register(plugin, plugin.name)
    notify = registry.notifier("materialization.start")
    assert notify is not None
    notify(MaterializationStart(asset="x"))
    assert ["b", "c", "a"] == heard


def test_no_listener_means_no_caller() -> None:
    """Nothing is compiled where nobody listens."""
    assert plugins().notifier("materialization.start") is None


def test_an_unknown_hook_is_refused() -> None:
    """A misspelt hook is an error at registration, not silence."""

    class Misspelt:
        @hookimpl
        def on_materialisation_start(self, event: Event) -> None: ...

    registry = plugins()
    with pytest.raises(pluggy.PluginValidationError):
        registry.register(Misspelt(), "m")
    assert registry.get("m") is None


def test_a_plugin_brings_its_own_events(flowstone_capture: Capture) -> None:
    """provide_events opens the catalogue: the event has a hook and is delivered typed."""

    @event(subject="quality")
    class QualityChecked(Event):
        """A table was checked."""

        table: str

    heard: list[str] = []

    class Quality:
        @hookimpl
        def provide_events(self) -> Iterable[type[Event]]:
            return [QualityChecked]

        @hookimpl
        def on_quality_checked(self, event: Event) -> None:
            heard.append(event.table)  # type: ignore[attr-defined]

    flowstone_capture.engine.plugins.register(Quality(), "quality")
    flowstone.telemetry.execute("quality.checked", {"rows": 3}, {"table": "orders"})
    told = flowstone_capture.one("quality.checked")
    assert isinstance(told, QualityChecked)
    assert (["orders"], 3) == (heard, told.attributes["rows"])


def test_entry_points_that_fail_are_left_out() -> None:
    """A plugin that cannot be imported is noted, and the others are loaded."""
    faults: list[Fault] = []
    registry = plugins(faults, disabled=["off"])
    registry.load(
        [
            EntryPoint("broken", "flowstone_no_such_module:x", "flowstone"),
            EntryPoint("off", "flowstone_no_such_module:x", "flowstone"),
            EntryPoint("good", "tests.dispatch.test_plugins:Empty", "flowstone"),
        ]
    )
    states = {info.name: info.state for info in registry.infos()}
    assert {"broken": "failed", "off": "disabled", "good": "active"} == states
    assert ["broken"] == [fault.plugin for fault in faults]


class Empty:
    """A plugin that does nothing."""


def test_unregistering_takes_effect_at_once(flowstone_capture: Capture) -> None:
    """A plugin that is taken out hears nothing more."""
    heard: list[str] = []
    registry = flowstone_capture.engine.plugins
    registry.register(Named("a", heard), "a")
    with flowstone.materialization("x"):
        pass
    registry.unregister("a")
    with flowstone.materialization("x"):
        pass
    assert ["a"] == heard


def test_batches_come_in_order(flowstone_capture: Capture) -> None:
    """on_events gets every event once, in the order of emission, in bounded batches."""
    sizes: list[int] = []
    names: list[str] = []

    class Listener:
        @hookimpl
        def on_events(self, batch: Sequence[Event]) -> None:
            sizes.append(len(batch))
            names.extend(getattr(one, "sensor", "") for one in batch)

    flowstone_capture.engine.plugins.register(Listener(), "l")
    for n in range(500):
        flowstone.sensor_poll(f"s{n}")
    flowstone.flush()
    assert [f"s{n}" for n in range(500)] == names
    assert max(sizes) <= 64
