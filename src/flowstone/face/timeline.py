"""What the plugins know under an id: the answers to ``provide_timeline``, merged."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import Final

from flowstone.catalogue.event import Event
from flowstone.dispatch.compiled import Implementation
from flowstone.runtime import engine, threads
from flowstone.runtime.stats import count

_HOOK: Final = "provide_timeline"


def events_under(id: str, timeout: float) -> list[Event]:
    """Return the events that the plugins have under a correlation, trace or run id, by time, each once.

    A plugin that fails or has not answered within *timeout* seconds is counted and left out.
    """
    asked = engine.current().plugins.implementations(_HOOK)
    if not asked:
        return []
    deadline = monotonic() + timeout
    answers: list[Iterable[Event]] = []
    workers = []
    for one in asked:
        worker = threads.start(_ask, "flowstone-timeline", one, id, answers)
        if worker is None:
            _ask(one, id, answers)
        else:
            workers.append(worker)
    for worker in workers:
        worker.join(max(deadline - monotonic(), 0.0))
        if worker.is_alive():
            count("timeline.late")
    found = {(event.id or event): event for answer in tuple(answers) for event in answer}
    return sorted(found.values(), key=lambda event: (event.time, event.id))


def _ask(one: Implementation, id: str, answers: list[Iterable[Event]]) -> None:
    try:
        answers.append(tuple(one.call(id) or ()))
    except BaseException as error:  # the fault wall of provide_timeline
        engine.current().wall.failed(one.plugin, _HOOK, error)
