"""Making an operation current for a block, and for each step of a generator."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from contextvars import Token
from types import TracebackType
from typing import Any, Protocol, TypeVar

from opentelemetry.context import Context
from opentelemetry.trace import Span

from flowstone.runtime.context import (
    OPERATION_KEY,
    SPAN_KEY,
    get_context,
    put,
    reset_context,
    set_context,
)

Y = TypeVar("Y")
S = TypeVar("S")
R = TypeVar("R")


class Activatable(Protocol):
    """An operation that can be made current."""

    @property
    def inner(self) -> Span | None:
        """The SDK span that stands in for it, if any."""
        ...


class activate:  # noqa: N801  # used like a function: `with activate(operation):`
    """Make *operation* the current one for a block; tells no event.

    What was current inside the block at its end is current again when the same object is entered
    once more: so a generator keeps its own current span over its steps.
    """

    __slots__ = ("_inside", "_operation", "_token")

    def __init__(self, operation: Activatable) -> None:
        self._operation = operation
        self._inside: Context | None = None
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        inside = self._inside
        if inside is None:
            inside = Context(get_context())
            put(inside, OPERATION_KEY, self._operation)
            put(inside, SPAN_KEY, self._operation.inner or self._operation)
        self._token = set_context(inside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._inside = get_context()
        token, self._token = self._token, None
        if token is not None:
            try:
                reset_context(token)
            except ValueError:  # left in another context than entered
                outside = token.old_value
                set_context(outside if isinstance(outside, Context) else Context())


def drive(operation: Activatable, generator: Generator[Y, S, R]) -> Generator[Y, S, R]:
    """Run *generator* with *operation* current during each step, and not between the steps.

    A span held open across ``yield`` would otherwise be current in the caller.
    """
    return stepped(activate(operation), generator)


def stepped(steps: AbstractContextManager[None], generator: Generator[Y, S, R]) -> Generator[Y, S, R]:
    """Run *generator* with *steps* entered for each step, and left between the steps."""
    sent: Any = None
    thrown: BaseException | None = None
    while True:
        try:
            with steps:
                made = generator.throw(thrown) if thrown is not None else generator.send(sent)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        sent = thrown = None
        try:
            sent = yield made
        except GeneratorExit:
            with steps:
                generator.close()
            raise
        except BaseException as error:  # passed on into the generator, as Python does
            thrown = error
