"""A process that subscribes, and notes each item before it takes the next: what is noted, it has seen.

python -m plugins.pubsub.tests.hub.reader URL NOTES SINCE POLICY MAXLEN PAUSE TOPIC...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from flowstone_pubsub import Bus, Gap, open_engine


def main(url: str, notes: str, since: str, policy: str, maxlen: str, pause: str, *topics: str) -> None:
    bus = Bus(open_engine(url))
    subscription = bus.subscribe(*topics, since=int(since), policy=policy, maxlen=int(maxlen))  # type: ignore[arg-type]
    with Path(notes).open("a", encoding="utf-8", buffering=1) as file:
        for item in subscription:
            told = (
                f"gap {item.first} {item.last} {item.reason}"
                if isinstance(item, Gap)
                else f"got {item.seq} {item.id}"
            )
            file.write(f"{told} at {subscription.position}\n")
            time.sleep(float(pause))


if __name__ == "__main__":
    main(*sys.argv[1:])
