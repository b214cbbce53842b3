"""Where Dagster's events arrive, and who is told which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowstone.hosting import is_silent
from flowstone_dagster import handled, reported, resources, roles, runs, step, told, triggers
from flowstone_dagster.names import LOAD, STEP, STORE
from flowstone_dagster.told import Entry, Instance
from flowstone_dagster.wall import walled

lost: Final[set[str]] = set()
"""Keys of the seams that this Dagster does not have."""

Handler = Callable[[Instance, Entry], None]


def _run_started(instance: Instance, entry: Entry) -> None:
    roles.tell_run()
    runs.on_start(instance, entry)


def _run_ended(instance: Instance, entry: Entry) -> None:
    runs.on_end(instance, entry)


def _step_started(instance: Instance, entry: Entry) -> None:
    if STEP.key in lost:
        reported.on_start(instance, entry)


def _step_succeeded(instance: Instance, entry: Entry) -> None:
    if STEP.key in lost:
        reported.on_success(entry)


def _step_failed(instance: Instance, entry: Entry) -> None:
    event = entry.dagster_event
    if STEP.key in lost:
        reported.on_failure(instance, entry, host_fault=False)
    elif event is not None and event.step_key and not step.seen_here(entry.run_id, event.step_key):
        reported.on_failure(instance, entry, host_fault=True)


def _loaded(instance: Instance, entry: Entry) -> None:
    if LOAD.key in lost:
        handled.on_loaded(instance, entry)


def _handled(instance: Instance, entry: Entry) -> None:
    if STORE.key in lost:
        handled.on_handled(instance, entry)


_HANDLERS: Final[dict[str, Handler]] = {
    told.RUN_ENQUEUED: triggers.on_enqueued,
    told.RUN_STARTING: triggers.on_starting,
    told.RUN_START: _run_started,
    told.RUN_SUCCESS: _run_ended,
    told.RUN_FAILURE: _run_ended,
    told.RUN_CANCELED: _run_ended,
    told.RESOURCE_INIT_SUCCESS: resources.on_success,
    told.RESOURCE_INIT_FAILURE: resources.on_failure,
    told.STEP_START: _step_started,
    told.STEP_RESTARTED: _step_started,
    told.STEP_SUCCESS: _step_succeeded,
    told.STEP_FAILURE: _step_failed,
    told.STEP_UP_FOR_RETRY: _step_failed,
    told.LOADED_INPUT: _loaded,
    told.HANDLED_OUTPUT: _handled,
}


# The end of a run whose own process is gone, nobody else is left to tell it; and launches, which only they see.
_SERVERS_TELL: Final = frozenset({told.RUN_FAILURE, told.RUN_CANCELED, told.RUN_ENQUEUED, told.RUN_STARTING})


@walled
def observe(instance: Instance, entry: Entry) -> None:
    """Take notice of an entry of Dagster's event log."""
    event = entry.dagster_event
    if event is None:
        return
    handler = _HANDLERS.get(event.event_type_value)
    if handler is not None and (event.event_type_value in _SERVERS_TELL or not is_silent()):
        handler(instance, entry)
