"""Attributes for what begins in a block: those of runs, and of operations and points that stand alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from opentelemetry import context as otel
from opentelemetry.context import Context

from flowstone.runtime import coerce
from flowstone.runtime.context import get_context, put, reset_context, set_context

INHERITED_KEY: Final = otel.create_key("flowstone-root-attributes")


@contextmanager
def root_attributes(attributes: Mapping[str, object]) -> Iterator[None]:
    """Give *attributes* to every run that begins in the block, and to operations and points outside of runs.

    What is inside of a run is found by its ids, and carries nothing of it. An attribute of the same
    name that the operation is given itself wins. Blocks add up; threads and tasks inherit them as they
    do the current span.

    Args:
        attributes: Names and values, as those of a span.
    """
    here = get_context()
    inside = Context(here)
    put(inside, INHERITED_KEY, {**inherited(here), **coerce.snapshot(attributes)})
    token = set_context(inside)
    try:
        yield
    finally:
        with suppress(ValueError):  # left in another context, as generators may be: nothing of ours is there
            reset_context(token)


def inherited(context: Context) -> Mapping[str, Any]:
    """Return the attributes for what begins in *context*."""
    return context.get(INHERITED_KEY) or {}  # type: ignore[return-value]


def inherit(operation: Any, context: Context) -> None:
    """Give *operation* the attributes of *context*, below its own."""
    if given := inherited(context):
        operation.initial = {**given, **(operation.initial or {})}


def with_inherited(fields: Mapping[str, object], context: Context) -> Mapping[str, object]:
    """Return the fields of a point with the attributes of *context* below its own."""
    given = inherited(context)
    if not given:
        return fields
    own = fields.get("attributes")
    return {**fields, "attributes": {**given, **(own if isinstance(own, Mapping) else {})}}
