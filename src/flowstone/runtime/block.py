"""Blocks: operations under a name of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar, cast

from opentelemetry.context import Context

from flowstone.catalogue.block import BlockException, BlockStart, BlockStop
from flowstone.runtime import coerce, roots
from flowstone.runtime.context import (
    OPERATION_KEY,
    SPAN_KEY,
    get_context,
    put,
    reset_context,
    set_context,
)
from flowstone.runtime.rendering import RenderedOperation
from flowstone.runtime.scope import Scope
from flowstone.runtime.span import OperationSpan

T = TypeVar("T")


class Block(
    RenderedOperation,
    events=(BlockStart, BlockStop, BlockException),
    own={"name": "f'{given.subject}.{verb}'", "block": "given.subject"},
):
    """Anything that lasts, under a name of the user's own.

    Context manager, decorator, and the current OpenTelemetry span of its block.

    Args:
        name: What it is called, such as ``quality.check``.
        attributes: Added to the span and to the events.
    """

    timed = True

    def __init__(self, name: str, attributes: Mapping[str, object] | None = None) -> None:
        super().__init__(attributes=attributes)
        self.subject = coerce.text(name, coerce.NAME_LIMIT)  # type: ignore[misc]  # each has its own


class Enclosing(OperationSpan):
    """The current span between two events that a plugin has defined: it has their ids, what is begun inside is below it.

    What is set on it is kept in ``extra``, for the event that ends it.
    """

    initial: dict[str, object] | None = None

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.scope = cast(Scope, None)
        self.parent_id = 0
        self.begun = roots.adopt(self, get_context())

    def around(self, function: Callable[[], T]) -> T:
        """Call *function* inside."""
        if not self.begun:
            return function()
        context: Any = Context(get_context())
        put(context, OPERATION_KEY, self)
        put(context, SPAN_KEY, self)
        token = set_context(context)
        try:
            return function()
        finally:
            with suppress(ValueError):
                reset_context(token)

    def end(self, end_time: int | None = None) -> None:
        """Keep nothing more; what is told is the end of the block."""
        self.ended = True
