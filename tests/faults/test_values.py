"""Any value a user may give (catalogue, bad values)."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowstone
from flowstone.catalogue import codec
from flowstone.plugin import stats
from flowstone.runtime import coerce
from flowstone.testing import Capture
from flowstone.testing.capture import capture


class Unprintable:
    """An object whose text raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def cyclic() -> dict[str, Any]:
    """Return a dict that holds itself."""
    made: dict[str, Any] = {"list": []}
    made["self"] = made
    made["list"].append(made)
    return made


HOSTILE: dict[str, Any] = {
    "nan": math.nan,
    "inf": -math.inf,
    "bytes": b"\xff\x00",
    "huge": 10**400,
    "surrogate": "a\ud800b",
    "cyclic": cyclic(),
    "long": "x" * 10_000_000,
    "unprintable": Unprintable(),
    "none": None,
    "mixed": [1, "a", None],
    "nested": {"a": [{"b": 1}]},
    "control": "a\nb\x00\x1b[31m",
    "many": list(range(100_000)),
    "set": {1},
}


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_values_become_clean(key: str, flowstone_capture: Capture) -> None:
    """No value raises; what is told is bounded and can be encoded."""
    with flowstone.materialization("a", partition=HOSTILE[key], attributes={key: HOSTILE[key]}) as m:
        m.set_attribute("later", HOSTILE[key])
        m.rows = HOSTILE[key]
    stop: Any = flowstone_capture.one("materialization.stop")
    encoded = codec.encode(stop)
    assert len(encoded) < 30_000
    assert stop == codec.decode(encoded)


def test_what_was_cut_is_marked_and_counted(flowstone_capture: Capture) -> None:
    """A 10 MB attribute is cut at once, with a mark that says how much is missing."""
    before = stats().get("value.cut", 0)
    with flowstone.materialization("a", attributes={"big": "x" * 10_000_000}) as m:
        assert len(str(m.initial)) < 10_000  # not even the queue holds it
    told: Any = flowstone_capture.one("materialization.stop").attributes["big"]
    assert told.endswith("…[9995952 more characters cut]")
    assert stats()["value.cut"] > before


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(st.characters()), VALUES, max_size=6))
def test_any_attributes_are_encodable_and_survive_the_codec(given: dict[str, Any]) -> None:
    """Clean attributes are JSON, and come back from the codec as they were."""
    clean = coerce.attributes(given)
    again = orjson.loads(orjson.dumps(clean))
    assert clean == {key: tuple(value) if isinstance(value, list) else value for key, value in again.items()}


@settings(max_examples=60, deadline=None)
@given(
    st.none()
    | st.text()
    | st.integers(-(2**60), 2**60)
    | st.dates()
    | st.datetimes()
    | st.lists(st.text() | st.dates() | st.integers(-5, 5), min_size=1, max_size=4).map(tuple)
)
def test_partitions_survive_the_codec(partition: Any) -> None:
    """Every kind of partition comes back from JSON as it was."""
    with capture() as captured:
        with flowstone.materialization("a", partition=partition):
            pass
        stop: Any = captured.one("materialization.stop")
    assert coerce.partition(partition) == stop.partition
    assert stop == codec.decode(codec.encode(stop))


def test_dates_have_a_documented_form(flowstone_capture: Capture) -> None:
    """A date partition is an object with $date."""
    with flowstone.materialization("a", partition=dt.date(2025, 1, 15)):
        pass
    stop = flowstone_capture.one("materialization.stop")
    assert {"$date": "2025-01-15"} == codec.to_dict(stop)["partition"]


def test_unknown_events_are_delivered_and_counted(flowstone_capture: Capture) -> None:
    """Execute of an unknown name never raises: it becomes a CustomEvent."""
    before = stats().get("event.unknown", 0)
    flowstone.telemetry.execute(["my", "thing", "happened"], {"n": math.nan}, {"x": Unprintable()})
    told = flowstone_capture.one("my.thing.happened")
    assert "nan" == told.attributes["n"]
    assert stats()["event.unknown"] == before + 1
