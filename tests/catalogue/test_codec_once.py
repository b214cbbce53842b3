from __future__ import annotations

from flowstone.catalogue import codec
from flowstone.catalogue.materialization import MaterializationStop


def test_one_event_is_encoded_once() -> None:
    """Who encodes the same event again gets the same bytes; another event of equal content has its own."""
    first, second = MaterializationStop(asset="a"), MaterializationStop(asset="a")
    assert codec.encode(first) is codec.encode(first)
    assert codec.encode(first) == codec.encode(second)


def test_what_is_kept_is_bounded() -> None:
    """However many events are encoded, only some stay in memory, and each gets its own bytes."""
    events = [MaterializationStop(asset=f"a{number}") for number in range(1000)]
    assert [f"a{number}" for number in range(1000)] == [
        codec.decode(codec.encode(event)).asset  # type: ignore[attr-defined]
        for event in events
    ]
    assert len(codec._encoded) <= codec._KEPT
