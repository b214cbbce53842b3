"""Operations as decorators of functions, coroutines and generators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

from flowstone.runtime.driving import activate, stepped

F = TypeVar("F", bound=Callable[..., Any])
Steps = Callable[[Any], AbstractContextManager[None]]


class Decorating(Protocol):
    """An operation, or another block, as far as decorators need it."""

    timed: bool

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def begin(self) -> Self:
        """Tell the start."""
        ...

    def finish(self, error: BaseException | None = None) -> None:
        """Tell the end."""
        ...


def decorate(function: F, fresh: Callable[[], Decorating], steps: Steps = activate) -> F:
    """Return *function* with each call an operation made by *fresh*.

    A generator's operation lasts from its first step to its end, and is current during its steps only.

    Args:
        function: A function, coroutine function, generator or asynchronous generator.
        fresh: Makes the operation of a call.
        steps: Makes of it what is entered for each step of a generator.
    """
    if inspect.isasyncgenfunction(function):
        return cast(F, _async_generator(function, fresh, steps))
    if inspect.isgeneratorfunction(function):
        return cast(F, _generator(function, fresh, steps))
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            operation = fresh()
            operation.timed = False  # its thread works for other tasks meanwhile
            with operation:
                return await function(*args, **kwargs)

        return cast(F, coroutine)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with fresh():
            return function(*args, **kwargs)

    return cast(F, call)


def _generator(
    function: Callable[..., Any], fresh: Callable[[], Decorating], steps: Steps
) -> Callable[..., Any]:
    @functools.wraps(function)
    def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        operation = fresh().begin()
        try:
            result = yield from stepped(steps(operation), function(*args, **kwargs))
        except BaseException as error:
            operation.finish(error)
            raise
        operation.finish()
        return result

    return generate


def _async_generator(
    function: Callable[..., Any], fresh: Callable[[], Decorating], steps: Steps
) -> Callable[..., Any]:
    @functools.wraps(function)
    async def generate(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        operation = fresh()
        operation.timed = False
        operation.begin()
        around = steps(operation)
        inner = function(*args, **kwargs)
        step = inner.asend(None)
        try:
            while True:
                try:
                    with around:
                        made = await step
                except StopAsyncIteration:
                    break
                try:
                    step = inner.asend((yield made))
                except GeneratorExit:
                    with around:
                        await inner.aclose()
                    raise
                except BaseException as error:  # passed on into the generator, as Python does
                    step = inner.athrow(error)
        except BaseException as error:
            operation.finish(error)
            raise
        operation.finish()

    return generate
