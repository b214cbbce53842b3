"""What the user's own tracer provider is made of, and so which path spans take to it."""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import TYPE_CHECKING, cast

from opentelemetry import metrics

from flowstone.runtime.export.limits import Limits, span_limits
from flowstone.runtime.global_provider import global_provider

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider


def sdk_tracer_provider() -> TracerProvider | None:
    """Return the global tracer provider if it is the SDK's; never imports the SDK."""
    found = global_provider()
    # An export thread may be importing the module just now: then it is there, and has no class yet.
    stock = getattr(sys.modules.get("opentelemetry.sdk.trace"), "TracerProvider", None)
    return cast("TracerProvider", found) if stock is not None and isinstance(found, stock) else None


def sdk_meter_provider() -> MeterProvider | None:
    """Return the global meter provider if it is the SDK's; never imports the SDK."""
    found = metrics.get_meter_provider()
    stock = getattr(sys.modules.get("opentelemetry.sdk.metrics"), "MeterProvider", None)
    return cast("MeterProvider", found) if stock is not None and isinstance(found, stock) else None


def processors(provider: TracerProvider) -> tuple[SpanProcessor, ...] | None:
    """Return the provider's processors, none if they are not kept in the SDK's usual way."""
    from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor

    multi = getattr(provider, "_active_span_processor", None)
    if type(multi) is not SynchronousMultiSpanProcessor:
        return None
    found: tuple[SpanProcessor, ...] | None = getattr(multi, "_span_processors", None)
    return found


def flush(provider: TracerProvider, timeout: float) -> bool:
    """Flush *provider* as it would itself, but for processors that do not say whether they could.

    The base class of processors says None in older SDKs (1.36 too), which take that for a failure, and
    then skip all processors that come after.
    """
    from opentelemetry.sdk.trace import TracerProvider

    found = processors(provider)
    if found is None or type(provider).force_flush is not TracerProvider.force_flush:
        return provider.force_flush(int(timeout * 1000))
    deadline = monotonic() + timeout
    for processor in found:
        left = deadline - monotonic()
        if left <= 0 or processor.force_flush(int(left * 1000)) is False:
            return False
    return True


def limits_of(provider: TracerProvider) -> Limits:
    """Return the limits of the provider's spans; those of the environment where it does not show its own."""
    found = getattr(provider, "_span_limits", None)
    try:
        return Limits(
            attributes=found.max_span_attributes,  # type: ignore[union-attr]  # see AttributeError below
            length=found.max_span_attribute_length,  # type: ignore[union-attr]
            events=found.max_events,  # type: ignore[union-attr]
            links=found.max_links,  # type: ignore[union-attr]
            event_attributes=found.max_event_attributes,  # type: ignore[union-attr]
            link_attributes=found.max_link_attributes,  # type: ignore[union-attr]
        )
    except AttributeError:  # another SDK than those we know
        return span_limits(os.environ)


def is_fast(provider: TracerProvider) -> bool:
    """Tell whether nobody can notice that spans are made later, in the drain.

    That is so where all processors do nothing at a span's start, and the sampler is one of the
    SDK's: subclasses and anything else may look at the span, the time or the context.
    """
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    from flowstone.runtime.export.own_provider import OwnProvider
    from flowstone.runtime.export.processors import HandOver, StampIds

    known = (BatchSpanProcessor, SimpleSpanProcessor, StampIds, HandOver)
    found = processors(provider)
    return (
        type(provider) in (TracerProvider, OwnProvider)
        and found is not None
        and all(type(processor) in known for processor in found)
        and _is_sdk_sampler(provider.sampler)
    )


def _is_sdk_sampler(sampler: object) -> bool:
    if type(sampler).__module__ != "opentelemetry.sdk.trace.sampling":
        return False
    inner = [value for name, value in vars(sampler).items() if "sampler" in name or name == "_root"]
    return all(_is_sdk_sampler(value) for value in inner)
