"""For tests of flowstone's users and plugin authors.

``Capture`` is what the pytest fixture ``flowstone_capture`` gives; ``StepClock`` and ``CountingIds``
make times and ids predictable; ``PluginContract`` holds a plugin to what every plugin promises.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False

if TYPE_CHECKING:
    from flowstone.testing.capture import Capture as Capture
    from flowstone.testing.clock import StepClock as StepClock
    from flowstone.testing.contract import PluginContract as PluginContract
    from flowstone.testing.ids import CountingIds as CountingIds
    from flowstone.testing.measured import Measured as Measured

__all__ = ["Capture", "CountingIds", "Measured", "PluginContract", "StepClock"]

_HOMES = {
    "Capture": "capture",
    "CountingIds": "ids",
    "Measured": "measured",
    "PluginContract": "contract",  # needs pytest, which programs do not have
    "StepClock": "clock",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"flowstone.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
