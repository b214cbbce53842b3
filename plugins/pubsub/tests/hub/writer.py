"""A process that broadcasts without an end, to random topics in batches of random size.

python -m plugins.pubsub.tests.hub.writer URL RECORDS SEED
"""

from __future__ import annotations

import random
import sys
import time

from flowstone_pubsub import Bus, Retention, open_engine

TOPICS = ("a", "asset:x", "asset:y", "run:1")


def main(url: str, records: str, seed: str) -> None:
    dice = random.Random(seed)
    bus = Bus(open_engine(url, Retention(records=int(records))))
    while True:
        for _ in range(dice.choice((1, 1, 1, 5, 60))):
            bus.broadcast(dice.choice(TOPICS), {"n": dice.random()})
        time.sleep(dice.choice((0.0, 0.01, 0.05)))


if __name__ == "__main__":
    main(*sys.argv[1:])
