"""How large telemetry may be: the ``OTEL_*_LIMIT`` variables, applied where spans are not made by the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from flowstone.catalogue.values import Attributes, AttributeValue, SpanEvent, SpanLink
from flowstone.runtime.export.data import LogData, SpanData

T = TypeVar("T")

_DEFAULT: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is kept of a span or a log record; None keeps all.

    Attributes:
        attributes: How many attributes.
        length: Characters of a text in an attribute.
        events: How many span events.
        links: How many links.
        event_attributes: How many attributes of a span event.
        link_attributes: How many attributes of a link.
    """

    attributes: int | None = _DEFAULT
    length: int | None = None
    events: int | None = _DEFAULT
    links: int | None = _DEFAULT
    event_attributes: int | None = _DEFAULT
    link_attributes: int | None = _DEFAULT

    def span(self, span: SpanData) -> SpanData:
        """Return *span* within the limits; what was left out is counted on it, as the SDK does."""
        attributes, lost = self._kept(span.attributes, self.attributes)
        if attributes is span.attributes and not span.events and not span.links:
            return span
        events = _last(span.events, self.events)
        links = _last(span.links, self.links)
        return span._replace(
            attributes=attributes,
            events=tuple(self._event(event) for event in events),
            links=tuple(self._link(link) for link in links),
            dropped=(
                span.dropped[0] + lost,
                span.dropped[1] + len(span.events) - len(events),
                span.dropped[2] + len(span.links) - len(links),
            ),
        )

    def record(self, record: LogData) -> LogData:
        """Return *record* within the limits."""
        attributes, lost = self._kept(record.attributes, self.attributes)
        return (
            record
            if attributes is record.attributes
            else record._replace(attributes=attributes, dropped=lost)
        )

    def _event(self, event: SpanEvent) -> SpanEvent:
        kept, _ = self._kept(event.attributes, self.event_attributes)
        return (
            event
            if kept is event.attributes
            else SpanEvent(name=event.name, time=event.time, attributes=kept)
        )

    def _link(self, link: SpanLink) -> SpanLink:
        kept, _ = self._kept(link.attributes, self.link_attributes)
        if kept is link.attributes:
            return link
        return SpanLink(trace_id=link.trace_id, span_id=link.span_id, attributes=kept)

    def _kept(self, values: Attributes, count: int | None) -> tuple[Attributes, int]:
        """Return the newest *count* of *values*, cut, and how many were left out: ours come after the user's."""
        lost = 0 if count is None else max(0, len(values) - count)
        if lost:
            values = dict(islice(values.items(), lost, None))
        if self.length is not None:
            values = {key: _cut(value, self.length) for key, value in values.items()}
        return values, lost


DEFAULT_LIMITS: Final = Limits()


def _last(items: tuple[T, ...], count: int | None) -> tuple[T, ...]:
    return items if count is None or len(items) <= count else items[len(items) - count :]


def _cut(value: AttributeValue, length: int) -> AttributeValue:
    if isinstance(value, str):
        return value[:length]
    if isinstance(value, (list, tuple)):
        return [item[:length] if isinstance(item, str) else item for item in value]
    return value


def span_limits(env: Mapping[str, str]) -> Limits:
    """Return the limits of spans that *env* sets."""
    return Limits(
        attributes=_limit(env, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        length=_limit(
            env, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", default=None
        ),
        events=_limit(env, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
        links=_limit(env, "OTEL_SPAN_LINK_COUNT_LIMIT"),
        event_attributes=_limit(env, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        link_attributes=_limit(env, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
    )


def log_limits(env: Mapping[str, str]) -> Limits:
    """Return the limits of log records that *env* sets."""
    return Limits(
        attributes=_limit(env, "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        length=_limit(
            env,
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            default=None,
        ),
    )


def _limit(env: Mapping[str, str], *keys: str, default: int | None = _DEFAULT) -> int | None:
    """Return the first number that is set, *default* where none is; set but empty means no limit."""
    for key in keys:
        text = env.get(key)
        if text is not None:
            text = text.strip()
            return int(text) if text.isdecimal() else (default if text else None)
    return default
