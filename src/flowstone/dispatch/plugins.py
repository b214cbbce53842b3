"""The registry of plugins: pluggy's, with entry points loaded one by one behind the wall."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

import pluggy

from flowstone.catalogue import names
from flowstone.catalogue.event import Event
from flowstone.catalogue.registry import Catalogue, name_of
from flowstone.dispatch.compiled import Implementation, implementations, notifier
from flowstone.dispatch.markers import ENTRY_POINT_GROUP, PROJECT
from flowstone.dispatch.specs import Hooks, event_specs
from flowstone.dispatch.wall import Wall


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """What is known of a plugin.

    Attributes:
        name: Its name; entry point name where it has one.
        version: Version of its distribution, empty if registered by hand.
        state: ``active``, ``disabled``, ``failed`` or ``quarantined``.
        hooks: The hooks it implements.
        problem: What is wrong with it.
    """

    name: str
    version: str
    state: str
    hooks: tuple[str, ...] = ()
    problem: str = ""


class Plugins:
    """The plugins of one process.

    Args:
        wall: Where their faults go.
        disabled: Names that are not loaded from entry points.
        on_change: Called after each change of registrations.
    """

    def __init__(
        self, wall: Wall, disabled: Collection[str] = (), on_change: Callable[[], None] = lambda: None
    ) -> None:
        self.catalogue = Catalogue()
        self.wall = wall
        self.on_change = on_change
        self._disabled = frozenset(disabled)
        self._versions: dict[str, str] = {}
        self._unloaded: dict[str, PluginInfo] = {}
        self._events: dict[str, tuple[type[Event], ...]] = {}
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._manager.add_hookspecs(event_specs(self.catalogue))

    def register(self, plugin: object, name: str | None = None) -> str:
        """Register a plugin (an instance, a module, or a class that is instantiated); return its name.

        Raises:
            ValueError: The name is taken, or the plugin's events clash with others.
            pluggy.PluginValidationError: It implements a hook that does not exist, or with wrong arguments.
        """
        plugin = plugin() if inspect.isclass(plugin) else plugin
        registered = self._manager.register(plugin, name)
        if registered is None:
            return name or ""  # blocked by name
        try:
            self._adopt(plugin, registered)
            self._manager.check_pending()
        except BaseException:
            self._manager.unregister(plugin)
            self.catalogue.remove(self._events.pop(registered, ()))
            raise
        self.on_change()
        return registered

    def _adopt(self, plugin: object, name: str) -> None:
        provide = getattr(plugin, "provide_events", None)
        if provide is None or self._manager.parse_hookimpl_opts(plugin, "provide_events") is None:
            return
        events = tuple(provide())
        self.catalogue.add(events)
        self._events[name] = events
        unspecified = [cls for cls in events if not self._has_spec(names.hook_of_name(name_of(cls)))]
        if unspecified:
            self._manager.add_hookspecs(event_specs(unspecified))

    def _has_spec(self, hook: str) -> bool:
        caller = getattr(self._manager.hook, hook, None)
        return caller is not None and caller.has_spec()

    def unregister(self, name: str) -> object | None:
        """Take the plugin called *name* out; return it, or None if there is none."""
        plugin = self._manager.get_plugin(name)
        if plugin is not None:
            self._manager.unregister(plugin)
            self.catalogue.remove(self._events.pop(name, ()))
            self.on_change()
        return plugin

    def get(self, name: str) -> object | None:
        """Return the registered plugin called *name*."""
        found: object | None = self._manager.get_plugin(name)
        return found

    def load(self, points: Iterable[EntryPoint] | None = None) -> None:
        """Load the plugins that are installed; one that fails is noted and left out."""
        for point in entry_points(group=ENTRY_POINT_GROUP) if points is None else points:
            version = point.dist.version if point.dist else ""
            if point.name in self._disabled:
                self._unloaded[point.name] = PluginInfo(point.name, version, "disabled")
            elif not self._manager.has_plugin(point.name):
                self._load_one(point, version)

    def _load_one(self, point: EntryPoint, version: str) -> None:
        try:
            plugin = point.load()
            self._versions[point.name] = version
            self.register(plugin, point.name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a broken distribution must not break the host
            problem = f"{type(error).__name__}: {error}"[:500]
            self._versions.pop(point.name, None)
            self._unloaded[point.name] = PluginInfo(point.name, version, "failed", problem=problem)
            self.wall.failed(point.name, "load", error)

    def by_hand(self) -> list[tuple[str, object]]:
        """Return name and object of the plugins that did not come from entry points."""
        return [
            (name, plugin)
            for name, plugin in self._manager.list_name_plugin()
            if plugin and name not in self._versions
        ]

    def implementations(self, hook: str, *, quarantined: bool = False) -> list[Implementation]:
        """Return who implements *hook*, in calling order, without the quarantined unless they are asked for."""
        caller = getattr(self._manager.hook, hook, None)
        skip = _nobody if quarantined else self.wall.is_quarantined
        return [] if caller is None else implementations(caller, skip)

    def notifier(self, event_name: str, *, timed: bool = False) -> Callable[[object], None] | None:
        """Compile the synchronous caller of the event *event_name*; None if nobody listens.

        Args:
            event_name: The event.
            timed: Whether each listener is held to its budget.
        """
        hook = names.hook_of_name(event_name)
        return notifier(hook, self.implementations(hook), self.wall.failed, timed=timed)

    def infos(self) -> list[PluginInfo]:
        """Return what is known of all plugins, registered or not."""
        found = []
        for name, plugin in self._manager.list_name_plugin():
            if plugin is None:
                continue
            conduct = self.wall.conduct(name)
            hooks = tuple(sorted(hook.name for hook in self._manager.get_hookcallers(plugin) or ()))
            state = "quarantined" if conduct.quarantined else "active"
            problem = conduct.quarantined or conduct.last
            found.append(PluginInfo(name, self._versions.get(name, ""), state, hooks, problem))
        return found + list(self._unloaded.values())


def _nobody(plugin: str) -> bool:
    return False
