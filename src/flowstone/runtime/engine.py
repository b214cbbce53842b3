"""The process-wide engine: plugins, delivery and drain, made at the first emission of a process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import monotonic, time_ns
from typing import Final

from flowstone.catalogue.event import Event
from flowstone.catalogue.house import EventDropped, PluginFailed, PluginQuarantined
from flowstone.dispatch.compiled import Implementation
from flowstone.dispatch.plugins import Plugins
from flowstone.dispatch.wall import Fault, Wall
from flowstone.runtime import forking, identity, lane, lifetimes, stats, threads, tracing
from flowstone.runtime.attention import attention
from flowstone.runtime.control import Control
from flowstone.runtime.delivery import Delivery
from flowstone.runtime.drain import Drain
from flowstone.runtime.global_provider import Sight, global_provider
from flowstone.runtime.handlers import Handlers
from flowstone.runtime.point import Point
from flowstone.runtime.scope import NO_TRACE
from flowstone.runtime.settings import settings

_LAST_WORDS_S: Final = 0.3
# What counters of lost records begin with, and what to say of them. Metrics that could not be
# exported are not lost: they are told again, in sum.
_LOSSES: Final = {
    "event.dropped.": "queue full",
    "event.unrenderable": "could not be made",
    "export.dropped.": "not exported in time",
    "export.failed.spans": "export failed",
    "export.failed.logs": "export failed",
}


class Engine:
    """Everything of flowstone that exists once in a process.

    Args:
        load: Whether to load the plugins that are installed; tests register theirs by hand.
    """

    def __init__(self, *, load: bool = True) -> None:
        self.pid = os.getpid()
        self.wall = Wall(self._fault)
        self.plugins = Plugins(self.wall, settings().words("DISABLED_PLUGINS"), self.changed)
        self.handlers = Handlers(self._handler_failed, self.changed)
        self.delivery = Delivery(self.wall)
        self.drain = Drain(self.delivery, self.tell_dropped)
        self._telling = threading.Lock()
        self._dropped_told = dict(stats.snapshot())
        self._watch = Implementation("flowstone", self.notice_provider, takes=False)
        self._ready = False
        self._noticing = threading.Lock()
        self._sight = Sight()
        self._load = load

    def start(self, parents: Engine | None = None) -> None:
        """Load plugins and decide how to trace; take over what was registered by hand before a fork."""
        with self.drain.gate:  # what other threads emit meanwhile waits for the plugins
            if self._load:
                self.plugins.load()
            if parents is not None:
                for name, plugin in parents.plugins.by_hand():
                    self.plugins.register(plugin, name)
                for one in parents.handlers.list():
                    self.handlers.activate(self.handlers.reserve(one.id, one.events, one.handler))
            self._ready = True
            self.notice_provider()

    def notice_provider(self) -> None:
        """Decide anew how to trace when the user has set another global provider, or added a processor to it.

        Asked at each root and point on the caller, and after each round of the drain.
        """
        if not self._ready:
            return  # another thread is about to load the plugins: it decides when it has them
        if self._sight.holds():
            return
        if self._noticing.acquire(blocking=False):  # else somebody is at it
            try:
                self.changed()
                self._sight.take(global_provider())  # it may be ours by now, and have one of ours
            finally:
                self._noticing.release()

    def changed(self) -> None:
        """Recompile who is called."""
        if not self._ready:
            return
        attention.tracing = tracing.decide()
        names = self.plugins.catalogue.names()
        compiled = ((name, self.plugins.notifier(name)) for name in names)
        attention.notifiers = {name: notify for name, notify in compiled if notify is not None}
        attention.on_overrun = self._overran
        self.delivery.listen(
            [*self.handlers.listeners(), *self.plugins.implementations("on_events")],
            [*self.handlers.settlers(), *self.plugins.implementations("settle"), self._watch],
        )
        if attention.on_change is not None:
            attention.on_change(attention.needed())

    def _overran(self, name: str) -> None:
        """Hold the synchronous listeners of the event *name* to their budgets from now on."""
        timed = self.plugins.notifier(name, timed=True)
        if timed is not None:
            attention.notifiers[name] = timed

    def tell(self, event_class: type[Event], fields: dict[str, object]) -> None:
        """Queue an event of flowstone itself: it belongs to no run, and its trace id is all zeros."""
        span_id = identity.new_span_id()
        lane.leave(Point(event_class, NO_TRACE, time=time_ns(), span_id=span_id, fields=fields))

    def _fault(self, fault: Fault) -> None:
        stats.count(f"plugin.failed.{fault.plugin}")
        if fault.count == 1 or fault.quarantined:
            told = {"plugin": fault.plugin, "hook": fault.hook, "error": fault.error, "count": fault.count}
            self.tell(PluginFailed, told)
        if fault.quarantined:
            self.tell(PluginQuarantined, {"plugin": fault.plugin, "reason": fault.quarantined})
            self.changed()

    def _handler_failed(self, id: str, error: BaseException) -> None:
        self._fault(Fault(f"handler:{id}", "handler", error, 1, ""))

    def tell_dropped(self) -> bool:
        """Queue an ``event.dropped`` for what was lost since the last time; return whether there was any."""
        with self._telling:
            told, self._dropped_told = self._dropped_told, dict(stats.snapshot())
            new = {key: n - told.get(key, 0) for key, n in self._dropped_told.items()}
        lost = False
        for key, n in new.items():
            kind = next((kind for kind in _LOSSES if key.startswith(kind)), None)
            if kind is not None and n > 0:
                lost = True
                what = key.removeprefix(kind) or kind.rpartition(".")[2]
                self.tell(EventDropped, {"event": what, "count": n, "reason": _LOSSES[kind]})
        return lost

    def flush(self, timeout: float, hook: str = "flush") -> bool:
        """Deliver all that was emitted, then let the plugins deliver; return whether all of it arrived."""
        deadline = monotonic() + timeout
        self.tell_dropped()
        reached = self.drain.reach(Control(), max(timeout, 0.0))
        answered = self._ask_all(hook, deadline)
        if self.tell_dropped():  # exporters know now what they could not deliver
            self.drain.reach(Control(), _LAST_WORDS_S)
        return answered and reached

    def _ask_all(self, hook: str, deadline: float) -> bool:
        """Call flush or shutdown of all plugins at once, in workers that are left behind when they overrun."""
        answers: dict[str, bool] = {}

        def ask(name: str, call: Callable[[object], object]) -> None:
            try:
                answers[name] = call(max(deadline - monotonic(), 0.0)) is not False
            except BaseException as error:  # the fault wall of flush and shutdown
                self.wall.failed(name, hook, error)

        asked = self.plugins.implementations(hook)
        workers = []
        for one in asked:
            worker = threads.start(ask, f"flowstone-{hook}", one.plugin, one.call)
            if worker is None:
                ask(one.plugin, one.call)
            else:
                workers.append(worker)
        for worker in workers:
            worker.join(max(deadline - monotonic(), 0.0))
        missing = any(one.state == "quarantined" and hook in one.hooks for one in self.plugins.infos())
        return not missing and all(answers.get(one.plugin, False) for one in asked)


_engine: Engine | None = None
_parents: Engine | None = None
_making = threading.Lock()


def ensure() -> bool:
    """Have an engine in this process; return False where flowstone is switched off."""
    if _engine is None and (threads.is_finalizing() or not _make()):
        return False
    if attention.enabled and _engine is not None:
        _engine.notice_provider()
    return attention.enabled


def _make() -> bool:
    with _making:
        if _engine is None:
            attention.enabled = settings().flag("ENABLED", True)
            if attention.enabled:
                made = Engine()
                replace(made)
                made.start(_parents)
                lifetimes.watch(shutdown_at_exit)
    return attention.enabled


def current() -> Engine:
    """Return the engine of this process, made if there is none; also where flowstone is switched off."""
    if not ensure() and _engine is None:
        replace(Engine(load=False))
    assert _engine is not None
    return _engine


def for_reading() -> Engine:
    """Return the engine with its plugins, also where flowstone is switched off: the command line still reads."""
    if not ensure() and _engine is None:
        made = Engine()
        replace(made)
        made.start()
    return current()


def replace(engine: Engine | None) -> Engine | None:
    """Put *engine* in the place of the process-wide one; return the former. For tests and forks."""
    global _engine
    former, _engine = _engine, engine
    lane.state.limit = 0
    lane.state.bell = _wake if engine is None else engine.drain.ring
    return former


def _wake() -> bool:
    """Have an engine for what was emitted inside an operation that began before a fork."""
    if ensure():
        current().drain.ring()
    return True


def peek() -> Engine | None:
    """Return the engine of this process, if there is one."""
    return _engine


def _reborn() -> None:
    """Begin anew in a forked child; what was registered by hand comes along."""
    global _parents, _making
    _making = threading.Lock()
    _parents = replace(None) or _parents


def drain(timeout: float) -> bool:
    """Deliver what was emitted to the plugins, within *timeout* seconds; exporters are not waited for."""
    return _engine is None or _engine.drain.reach(Control(), timeout)


def flush(timeout: float) -> bool:
    """Deliver what was emitted, to the plugins and by them; return whether all of it arrived."""
    return _engine is None or (not threads.is_finalizing() and _engine.flush(timeout))


def shutdown(timeout: float) -> bool:
    """Flush, then let plugins go; later emissions are still delivered, at the next flush."""
    return _engine is None or _engine.flush(timeout, "shutdown")


def shutdown_at_exit() -> None:
    """End this process's telemetry; all calls together take at most the budget of an exit."""
    if _engine is not None and _engine.pid == os.getpid():
        shutdown(lifetimes.time_to_exit())


forking.arm(lambda: _engine.drain.gate if _engine is not None else None, _reborn)
