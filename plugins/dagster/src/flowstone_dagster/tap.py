"""Watch a generator without being noticed by whoever drives it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import TracebackType
from typing import Protocol, TypeVar

from flowstone.hosting import IoLoad, IoStore, Materialization, drive
from flowstone_dagster.wall import walled

T = TypeVar("T")
R = TypeVar("R")


class Watch(Protocol):
    """Who watches; none of the methods raises."""

    @property
    def op(self) -> Materialization | IoLoad | IoStore:
        """The operation that is current while the generator runs."""
        ...

    def see(self, item: object) -> None:
        """Look at what the generator yields, before its driver does."""
        ...

    def end(self, error: BaseException | None) -> None:
        """Learn that the generator ended, with what it raised."""
        ...


class Tap(Generator[T, object, R]):
    """A generator that passes everything on in both directions, and shows *see* what is yielded."""

    def __init__(self, inner: Generator[T, object, R], see: Callable[[T], object]) -> None:
        self._inner = inner
        self._see = see

    def send(self, value: object, /) -> T:
        """Send into the inner generator."""
        item = self._inner.send(value)
        self._see(item)
        return item

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
        /,
    ) -> T:
        """Throw into the inner generator."""
        error = (
            kind if isinstance(kind, BaseException) else value if isinstance(value, BaseException) else kind()
        )
        item = self._inner.throw(error)
        self._see(item)
        return item

    def close(self) -> None:
        """Close the inner generator."""
        self._inner.close()


@walled
def _driven(inner: Generator[T, object, R], watch: Watch) -> Generator[T, object, R]:
    return drive(watch.op, inner)


def watched(inner: Generator[T, object, R], watch: Watch) -> Generator[T, object, R]:
    """Run *inner* with the watch's operation current, and tell the watch what it yields and how it ends.

    A true generator, which Dagster insists on; ``yield from`` hands exceptions and ``close`` on.
    """
    tap = Tap(_driven(inner, watch) or inner, watch.see)
    try:
        result = yield from tap
    except BaseException as error:
        watch.end(error)
        raise
    watch.end(None)
    return result
