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

        Raises:
            Refused: Events are not kept, and whoever waits for them (decisions on checkpoints do) shall know;
                it is no fault.
        """

    @hookspec
    def must_keep(self, name: str) -> bool:
        """Tell whether an event called *name* has to be kept before its caller goes on.

        When: a checkpoint was decided, and the plugin has not settled the verdict within 2 s, or is in quarantine.
        Guarantees: where it is True, whoever decided is told: ``approve``, ``reject`` and ``expire`` raise
            ``CheckpointNotRecorded``.
        Not called: while all is well; what ``settle`` knows to be lost it tells by ``Refused``.
        """
        return False

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
    def check_settings(self) -> Iterable[str]:
        """Read the plugin's settings, and return what cannot be used: a sentence for each, without secrets.

        When: ``flowstone doctor`` looks.
        Guarantees: what ``Settings.flag``, ``number`` and ``parsed`` find meanwhile is shown too, and need not be
            returned.
        Not called: elsewhere.
        """
        return ()

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
        """Return health checks: ``flowstone.plugin.HealthCheck`` objects.

        When: health reporting starts.
        Guarantees: each check runs in the background, with a hard time-out, once at a time.
        Not called: where no health plugin is installed.
        """
        return ()

    @hookspec
    def provide_timeline(self, id: str) -> Iterable[Event] | None:
        """Return the events known under a correlation, trace or run id, in order of time.

        When: somebody asks for everything under an id; ``flowstone doctor`` asks for the trace id of 32
            zeros, which is that of flowstone's own events (``event.dropped``, ``plugin.failed`` ...).
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
        """Return audit rows of the host's own: mappings with the fields of ``flowstone_audit.log``, and more.

        Needed are ``id`` (32 hex digits, UUID text or 16 bytes; the same for the same act, whoever tells it),
        ``event_type``, ``actor_id`` and ``actor_type`` (``system``, ``user``, ``api``). There may be ``time``
        (when it happened, Unix ns; else now), ``resource_type``, ``resource_id``, ``action``, ``outcome``
        (``started``, ``success``, ``failure``, ``denied``), ``details`` (a mapping), ``correlation_id``,
        ``trace_id``, ``span_id``, ``run_id``, ``client_ip`` and ``user_agent``.

        When: before the audit plugin seals, every ten seconds at most, in a thread of its own.
        Guarantees: rows are deduplicated by their id, so the same may be returned again; one that is malformed
            is counted and left out; the rest is redacted, kept, sealed and proven like any entry.
        Not called: where no audit plugin is installed, or nothing else is audited.
        """
        return ()

    @hookspec
    def provide_audit_anchor(self) -> Iterable[object]:
        """Return places where signed audit checkpoints are published: objects with ``name`` and ``publish(note)``.

        When: the audit plugin has sealed.
        Guarantees: each anchor gets each checkpoint (a signed note, text) at least once, in order, from the
            first that it is told of on; one that raises is asked again, one that hangs is left behind, and one
            that is slow gets as much as it takes in 2 s, the rest the next time.
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
