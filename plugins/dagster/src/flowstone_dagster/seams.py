"""What takes the place of Dagster's functions; each calls the original with what it was given."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import Final

from flowstone_dagster import names, roles, ticks
from flowstone_dagster.culprit import noting
from flowstone_dagster.load import watch_load
from flowstone_dagster.observer import observe
from flowstone_dagster.shapes import InputContext, OutputHandle, StepContext
from flowstone_dagster.step import watch_step
from flowstone_dagster.store import watch_store
from flowstone_dagster.tap import Watch, watched
from flowstone_dagster.told import Entry, Instance

Events = Generator[object, object, object]
Producer = Callable[..., Events]


def events(original: Callable[..., object]) -> Callable[..., object]:
    """Around ``DagsterInstance.handle_new_event``: first Dagster, then we."""

    @functools.wraps(original)
    def handle_new_event(self: Instance, event: Entry, *args: object, **kwargs: object) -> object:
        result = original(self, event, *args, **kwargs)
        observe(self, event)
        return result

    return handle_new_event


def step(original: Producer) -> Producer:
    """Around the generator of a step's events."""

    @functools.wraps(original)
    def core_dagster_event_sequence_for_step(
        step_context: StepContext, *args: object, **kwargs: object
    ) -> Events:
        roles.tell_step(step_context)
        result = yield from _with(watch_step(step_context), original(step_context, *args, **kwargs))
        roles.step_over()
        return result

    return core_dagster_event_sequence_for_step


def load(original: Producer) -> Producer:
    """Around the generator that loads one input."""

    @functools.wraps(original)
    def _load_input_with_input_manager(
        input_manager: object, context: InputContext, *args: object, **kwargs: object
    ) -> Events:
        return (
            yield from _with(
                watch_load(input_manager, context), original(input_manager, context, *args, **kwargs)
            )
        )

    return _load_input_with_input_manager


def store(original: Producer) -> Producer:
    """Around the generator that stores one output."""

    @functools.wraps(original)
    def _store_output(
        step_context: StepContext,
        step_output_handle: OutputHandle,
        output: object,
        *args: object,
        **kwargs: object,
    ) -> Events:
        return (
            yield from _with(
                watch_store(step_context, step_output_handle, output),
                original(step_context, step_output_handle, output, *args, **kwargs),
            )
        )

    return _store_output


def resource(original: Producer) -> Producer:
    """Around the generator that sets up, and tears down, one resource."""

    @functools.wraps(original)
    def single_resource_event_generator(
        context: object, resource_name: str, *args: object, **kwargs: object
    ) -> Events:
        return (yield from noting(resource_name, original(context, resource_name, *args, **kwargs)))

    return single_resource_event_generator


def _tick(instigator: ticks.Instigator, original: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(original)
    def evaluate_tick(self: ticks.Definition, context: object, *args: object, **kwargs: object) -> object:
        return ticks.watched(instigator, self, context, lambda: original(self, context, *args, **kwargs))

    return evaluate_tick


def _with(watch: Watch | None, generator: Events) -> Events:
    return generator if watch is None else watched(generator, watch)


AROUND: Final[dict[str, Callable[..., Callable[..., object]]]] = {
    names.EVENTS.key: events,
    names.STEP.key: step,
    names.LOAD.key: load,
    names.STORE.key: store,
    names.RESOURCE.key: resource,
    names.SENSOR.key: functools.partial(_tick, "sensor"),
    names.SCHEDULE.key: functools.partial(_tick, "schedule"),
}
