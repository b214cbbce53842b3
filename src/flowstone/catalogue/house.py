"""Events of flowstone itself: what its plugins and queues did wrong."""

from __future__ import annotations

from flowstone.catalogue.event import Event, event
from flowstone.catalogue.values import Error


@event(subject="plugin")
class PluginFailed(Event):
    """A plugin's hook raised or overran.

    When: on the first failure of a hook, then at most once a second for each plugin.
    Guarantees: the host and the other plugins go on as if nothing had happened.
    Not emitted: to the plugin that failed, once it is quarantined.

    Attributes:
        plugin: The plugin's name.
        hook: The hook that failed.
        count: Failures of the plugin so far in this process.
        error: What it raised; type ``Overrun`` when it took too long.
    """

    plugin: str
    hook: str = ""
    count: int = 1
    error: Error | None = None


@event(subject="plugin")
class PluginQuarantined(Event):
    """A plugin is no longer called in this process.

    When: its hook failed repeatedly, or hung.
    Guarantees: at most once for a plugin and process.
    Not emitted: for plugins that are disabled by name.

    Attributes:
        plugin: The plugin's name.
        reason: Why.
    """

    plugin: str
    reason: str = ""


@event(subject="event")
class EventDropped(Event):
    """Events were lost before they reached the plugins.

    When: the queue overflowed; at most once a second for each event name.
    Guarantees: the sum of ``count`` is the number of lost events.
    Not emitted: for spans that an exporter failed to send; those are counted in its metrics.

    Attributes:
        event: Name of the events that were lost.
        count: How many.
        reason: Why.
    """

    event: str
    count: int = 1
    reason: str = ""
