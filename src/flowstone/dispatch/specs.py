"""The hooks that plugins may implement, apart from the one per event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from flowstone.catalogue import names
from flowstone.catalogue.event import Event
from flowstone.catalogue.registry import name_of
from flowstone.dispatch.markers import hookspec

if TYPE_CHECKING:
    import click


class Hooks:
    """The hook specifications. Every hook takes at most one argument and is optional."""

    @hookspec
    def on_events(self, batch: Sequence[Event]) -> None:
        """Receive events in the order of emission.

        When: from the drain, at most some 50 ms after emission, in batches of at most 64.
        Guarantees: every event once; values are clean and bounded.
        Not called: for what was dropped before the drain; ``event.dropped`` tells of it.
        """

    @hookspec
    def settle(self) -> None:
        """Write what ``on_events`` has gathered.

        When: the drain has passed on all it had and pauses, or a flush point is reached; at most
            some 100 ms after emission.
        Guarantees: after the batches before it and before those behind it; in the same thread.
        Not called: after each batch. One write for several is what it is for: each system call
            may cost the drain its turn.
        """

    @hookspec
    def flush(self, timeout: float) -> bool | None:
        """Deliver what is buffered within *timeout* seconds; return whether all of it arrived.

        When: ``flowstone.flush()``, after all events emitted before it were passed to ``on_events``.
        Guarantees: called in a worker thread that is left behind when it overruns.
        Not called: in a forked child that emitted nothing.
        """

    @hookspec
    def shutdown(self, timeout: float) -> bool | None:
        """Deliver what is buffered within *timeout* seconds and let go of threads and connections.

        When: ``flowstone.shutdown()`` and at exit.
        Guarantees: the last call to the plugin.
        Not called: when the process is killed or leaves by ``os._exit``.
        """

    @hookspec
    def provide_events(self) -> Iterable[type[Event]]:
        """Return event classes to add to the catalogue.

        When: the plugin is registered.
        Guarantees: the events get hooks, telemetry, audit and fan-out like the built-in ones.
        Not called: again later.
        """
        return ()

    @hookspec
    def provide_commands(self) -> Iterable[click.Command]:
        """Return commands for the ``flowstone`` command line.

        When: the command line starts.
        Guarantees: a command whose name is taken is left out with a warning.
        Not called: outside the command line.
        """
        return ()

    @hookspec
    def provide_health_checks(self) -> Iterable[object]:
        """Return health checks.

        When: health reporting starts.
        Guarantees: each check runs with a hard time-out.
        Not called: where no health plugin is installed.
        """
        return ()

    @hookspec
    def provide_timeline(self, id: str) -> Iterable[Event] | None:
        """Return the events known under a correlation, trace or run id, in order of time.

        When: somebody asks for everything under an id.
        Guarantees: answers of several plugins are merged by event id.
        Not called: for prefixes of ids.
        """

    @hookspec
    def provide_pages(self) -> Iterable[object]:
        """Return pages for the web console.

        When: the web console starts.
        Guarantees: a page that fails does not harm the others.
        Not called: where no web console is installed.
        """
        return ()

    @hookspec
    def provide_audit_rows(self) -> Iterable[object]:
        """Return audit rows of the host's own to be sealed along.

        When: the audit plugin collects.
        Guarantees: rows are deduplicated by their id.
        Not called: where no audit plugin is installed.
        """
        return ()

    @hookspec
    def provide_audit_anchor(self) -> Iterable[object]:
        """Return places where signed audit checkpoints are published.

        When: the audit plugin seals.
        Guarantees: each anchor gets each checkpoint at least once.
        Not called: where no audit plugin is installed.
        """
        return ()


def spec_of_event(cls: type[Event]) -> tuple[str, Callable[..., None]]:
    """Return name and specification of the hook ``on_<event>`` of an event class."""
    hook = names.hook_of_name(name_of(cls))

    def specification(event: Event) -> None:
        pass

    specification.__name__ = hook
    specification.__qualname__ = hook
    specification.__doc__ = (
        f"{(cls.__doc__ or '').strip()}\n\n    Called on the caller, at once: keep it short."
    )
    return hook, hookspec(specification)


def event_specs(events: Iterable[type[Event]]) -> type:
    """Return a namespace with the hook specification of each of *events*."""
    specs = dict(spec_of_event(cls) for cls in events)
    return type("EventHooks", (), {name: staticmethod(spec) for name, spec in specs.items()})
