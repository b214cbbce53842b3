"""Messages and gaps as frames of an event stream; of each message one, for all who read it."""

from __future__ import annotations

from typing import Final

import orjson

from flowstone_pubsub.envelope import json_of
from flowstone_pubsub.message import Gap, Message
from flowstone_pubsub.rings import Item

RETRY_MS: Final = 2000


def frame_of(item: Item) -> bytes:
    """Return an item's frame: a message's data are its CloudEvents envelope, a gap is an event called ``gap``."""
    if isinstance(item, Message):
        return b"id: %d\ndata: %b\n\n" % (item.seq, json_of(item.data))
    return gap_frame(item)


def gap_frame(gap: Gap) -> bytes:
    """Return the frame that tells a gap."""
    return b"event: gap\nid: %d\ndata: %b\n\n" % (gap.last, orjson.dumps(gap._asdict()))


def greeting(position: int) -> bytes:
    """Return what comes first: when to come again, and from where even if nothing was heard until then."""
    return b"retry: %d\nid: %d\n\n" % (RETRY_MS, position)


def heartbeat(position: int) -> bytes:
    """Return what keeps proxies from closing; it moves on the place from which a client resumes."""
    return b": heartbeat\nid: %d\n\n" % position
