"""The global tracer provider, as it is looked at beside each root and point: nothing is made, nothing is imported."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace


def global_provider() -> object:
    """Return the global tracer provider; a stand-in, or None, while there is none.

    ``trace.get_tracer_provider`` makes one where ``OTEL_PYTHON_TRACER_PROVIDER`` names it, and reads the environment
    at each call until then. Whoever decides how to trace calls that.
    """
    return trace._TRACER_PROVIDER


if not hasattr(trace, "_TRACER_PROVIDER"):  # it is private: elsewhere the public call has to do
    global_provider = trace.get_tracer_provider


class Sight:
    """The provider as it was seen last, with its processors."""

    __slots__ = ("_multi", "_processors", "_provider")

    def __init__(self) -> None:
        self._provider: object = self  # which none is: nothing was seen yet
        self._multi: Any = None
        self._processors: object = None

    def take(self, provider: object) -> None:
        """See *provider*, with its processors as they are now."""
        self._provider = provider
        multi = getattr(provider, "_active_span_processor", None)
        # The SDK makes a new tuple for each processor that is added. Where there is none, nothing is seen.
        self._processors = getattr(multi, "_span_processors", None)
        self._multi = multi if self._processors is not None else None

    def holds(self) -> bool:
        """Tell whether it is still the same, with the same processors."""
        multi = self._multi  # another thread may see the provider anew meanwhile
        return global_provider() is self._provider and (
            multi is None or multi._span_processors is self._processors
        )
