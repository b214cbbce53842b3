"""Attributes for what begins in a block: those of runs, and of operations and points that stand alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Final

from opentelemetry import context as otel
from opentelemetry.context import Context

from flowstone.runtime import coerce
from flowstone.runtime.context import get_context, put, reset_context, set_context
from flowstone.runtime.stats import count

INHERITED_KEY: Final = otel.create_key("flowstone-root-attributes")
_NOTHING: Final[Mapping[str, Any]] = {}


class Layer:
    """What one block gives.

    Attributes:
        given: Its attributes, or whom to ask for them.
    """

    __slots__ = ("given",)

    def __init__(self, given: Mapping[str, object] | Callable[[], Mapping[str, object]]) -> None:
        self.given = given if callable(given) else coerce.snapshot(given)

    def told(self) -> Mapping[str, object]:
        """Return the attributes."""
        return self._asked(self.given) if callable(self.given) else self.given

    @staticmethod
    def _asked(ask: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
        here = Context(get_context())
        put(here, INHERITED_KEY, ())  # what who is asked begins by itself must not ask again
        token = set_context(here)
        try:
            return coerce.snapshot(ask())
        except Exception:  # whoever is asked must not keep the pipeline from beginning
            count("attributes.unknown")
            return _NOTHING
        finally:
            reset_context(token)


class root_attributes:  # noqa: N801  # used like a function: `with root_attributes(...):`
    """Give *attributes* to every run that begins in the block, and to operations and points outside of runs.

    What is inside of a run is found by its ids, and carries nothing of it. An attribute of the same
    name that the operation is given itself wins. Blocks add up, and None takes away what a block around gives;
    threads and tasks inherit them as they do the current span. Of one use.

    Args:
        attributes: Names and values, as those of a span; or what returns them, where they are not known
            yet: it is asked by each that begins, on its thread, and gives none where it raises.
    """

    __slots__ = ("_layer", "_token")

    def __init__(self, attributes: Mapping[str, object] | Callable[[], Mapping[str, object]]) -> None:
        self._layer = Layer(attributes)
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        here = get_context()
        inside = Context(here)
        put(inside, INHERITED_KEY, (*_layers(here), self._layer))
        self._token = set_context(inside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        here = get_context()
        token, layers = self._token, _layers(here)
        if token is None or self._layer not in layers:
            return  # left in another context, or after a block around it, as generators may be
        try:
            reset_context(token)
        except ValueError:  # left in a copy of the context
            without = Context(here)
            put(without, INHERITED_KEY, tuple(layer for layer in layers if layer is not self._layer))
            set_context(without)


def _layers(context: Context) -> tuple[Layer, ...]:
    return context.get(INHERITED_KEY) or ()  # type: ignore[return-value]


def inherited(context: Context) -> Mapping[str, Any]:
    """Return the attributes for what begins in *context*."""
    layers: tuple[Layer, ...] | None = context.get(INHERITED_KEY)  # type: ignore[assignment]
    if not layers:
        return _NOTHING
    told: dict[str, object] = {}
    for layer in layers:
        told.update(layer.told())
    return {name: value for name, value in told.items() if value is not None}


def inherit(operation: Any, context: Context) -> None:
    """Give *operation* the attributes of *context*, below its own, which another use of the object begins with."""
    if given := inherited(context):
        operation.own_initial = operation.initial
        operation.initial = {**given, **(operation.initial or {})}


def with_inherited(fields: Mapping[str, object], context: Context) -> Mapping[str, object]:
    """Return the fields of a point with the attributes of *context* below its own."""
    given = inherited(context)
    if not given:
        return fields
    own = fields.get("attributes")
    return {**fields, "attributes": {**given, **(own if isinstance(own, Mapping) else {})}}
