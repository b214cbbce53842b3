from __future__ import annotations

from flowstone.plugin import hookimpl, provided, stats
from flowstone.testing import Capture


class Giving:
    """Provides two things."""

    @hookimpl
    def provide_audit_anchor(self) -> list[str]:
        return ["one", "two"]

    @hookimpl
    def provide_timeline(self, id: str) -> None:
        return None


class Raising:
    """Provides nothing but trouble."""

    @hookimpl
    def provide_audit_anchor(self) -> list[str]:
        raise ValueError("no")


def test_what_plugins_provide_is_collected(flowstone_capture: Capture) -> None:
    """The answers of all plugins come as one list; nobody, and None, give nothing."""
    assert [] == provided("provide_audit_anchor")
    flowstone_capture.engine.plugins.register(Giving(), "giving")
    assert ["one", "two"] == provided("provide_audit_anchor")
    assert [] == provided("provide_timeline")
    assert [] == provided("no_such_hook")


def test_a_plugin_that_fails_is_counted_and_left_out(flowstone_capture: Capture) -> None:
    """What one plugin does wrong costs the others nothing."""
    flowstone_capture.engine.plugins.register(Raising(), "raising")
    flowstone_capture.engine.plugins.register(Giving(), "giving")
    before = stats().get("plugin.failed.raising", 0)
    assert ["one", "two"] == provided("provide_audit_anchor")
    assert before + 1 == stats()["plugin.failed.raising"]
