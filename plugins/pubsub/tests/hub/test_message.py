from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import pytest

from flowstone_pubsub.envelope import Envelope
from flowstone_pubsub.message import Message, message


def test_what_is_delivered_is_a_message_like_any_other() -> None:
    """However it was made, it is equal to one of the public class, as frozen, and reads its event once."""
    data = b'{"data":{"v":1,"name":"broadcast","id":"x","time":7,"attributes":{"payload":[1]}}}'
    envelope = Envelope(data)
    made, wanted = (of("t", 3, "x", 7, envelope) for of in (message, Message))
    assert type(made) is Message
    assert (made, hash(made), repr(made)) == (wanted, hash(wanted), repr(wanted))
    assert made.event is made.event
    assert wanted.event == made.event
    for name in ("seq", "event"):
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, 4)
    assert made == pickle.loads(pickle.dumps(made))  # our own
