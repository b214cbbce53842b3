from __future__ import annotations

import orjson
import pytest

from flowstone.catalogue import Event, builtin_events, codec
from flowstone.catalogue.columns import dicts_of, encode_many
from flowstone.catalogue.event import CustomEvent
from flowstone.testing.samples import samples


@pytest.mark.parametrize("cls", [*builtin_events(), CustomEvent], ids=lambda cls: cls.__name__)
def test_a_batch_holds_what_encode_writes(cls: type[Event]) -> None:
    """An event comes back from a batch as the object that it is by itself, its keys in the same order."""
    events = list(samples(cls))
    alone = [orjson.loads(codec.encode(event)) for event in events]
    found = dicts_of(encode_many(events))
    assert alone == found
    assert [list(one) for one in alone] == [list(one) for one in found]


def test_classes_may_be_mixed() -> None:
    """Events of all classes share a batch, in their order."""
    events = [event for cls in builtin_events() for event in samples(cls)][::-1]
    assert [orjson.loads(codec.encode(event)) for event in events] == dicts_of(encode_many(events))


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{}",
        b"nope",
        b'{"forms":{},"events":[[0,1]]}',
        b'{"forms":{"0":[["a"],[null]]},"events":[[0,1,2]]}',
    ],
)
def test_what_is_no_batch_is_refused(data: bytes) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        dicts_of(data)
