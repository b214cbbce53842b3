from __future__ import annotations

import pytest

from flowstone.catalogue.values import SpanEvent, SpanLink
from flowstone.runtime.export.data import SpanData
from flowstone.runtime.export.limits import DEFAULT_LIMITS, log_limits, span_limits

SPAN = SpanData("1" * 32, "2" * 16, "", "n", 0, 1, 2)


def test_unset_limits_are_opentelemetrys() -> None:
    """Without variables there are 128 attributes of any length."""
    assert DEFAULT_LIMITS == span_limits({}) == log_limits({})


@pytest.mark.parametrize(("text", "limit"), [("3", 3), ("", None), ("many", 128), ("-1", 128)])
def test_a_limit_is_a_number_or_nothing(text: str, limit: int | None) -> None:
    """Set but empty means no limit; nonsense is as good as unset."""
    assert limit == span_limits({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": text}).attributes


def test_the_narrower_variable_wins() -> None:
    """The variable of a signal goes before the one for all."""
    env = {"OTEL_ATTRIBUTE_COUNT_LIMIT": "5", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "3"}
    assert (3, 5) == (span_limits(env).attributes, log_limits(env).attributes)


def test_what_exceeds_is_left_out_and_counted() -> None:
    """The newest attributes, events and links stay, and the span tells how many are missing."""
    names = ("SPAN_ATTRIBUTE", "SPAN_EVENT", "SPAN_LINK", "EVENT_ATTRIBUTE", "LINK_ATTRIBUTE")
    limits = span_limits(
        {f"OTEL_{name}_COUNT_LIMIT": "1" for name in names} | {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3"}
    )
    moment = SpanEvent(name="e", time=1, attributes={"x": "a", "y": ["abcd", 1]})
    link = SpanLink(trace_id="3" * 32, span_id="4" * 16, attributes={"x": "a", "y": "abcd"})
    made = limits.span(
        SPAN._replace(attributes={"a": "b", "c": "defg"}, events=(moment, moment), links=(link, link))
    )
    assert ({"c": "def"}, (1, 1, 1)) == (made.attributes, made.dropped)
    assert [{"y": ["abc", 1]}] == [dict(event.attributes) for event in made.events]
    assert [{"y": "abc"}] == [dict(one.attributes) for one in made.links]
