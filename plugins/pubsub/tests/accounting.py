"""Counting: whether a subscriber saw each message of its topics, or a gap that covers it, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flowstone_pubsub import Gap
from flowstone_pubsub.patterns import Patterns

Seen = tuple[int, str] | Gap
"""Seq and event id of a message, or a gap."""


def unaccounted(
    seen: Sequence[Seen],
    log: Mapping[int, tuple[str, tuple[str, ...]]],
    asked: Sequence[str],
    *,
    after: int,
    until: int,
    unknown: Sequence[Gap] = (),
) -> list[str]:
    """Return what is wrong with what a subscriber saw; empty where nothing is.

    Args:
        seen: What it was given, in that order.
        log: The truth: event id and topics by seq.
        asked: The topics it asked for.
        after: Where it began.
        until: The last seq it has to account for.
        unknown: Where whoever wrote down the truth was too slow himself.
    """
    patterns = Patterns(asked)
    wrong: list[str] = []
    position = after
    delivered: set[int] = set()
    for item in seen:
        first, last = (item.first, item.last) if isinstance(item, Gap) else (item[0], item[0])
        if first <= position or last < first:
            wrong.append(f"{item} after {position}")
        position = last
        if not isinstance(item, Gap):
            delivered.add(item[0])
            if any(gap.first <= item[0] <= gap.last for gap in unknown):
                continue
            known = log.get(item[0])
            if known is None or known[0] != item[1]:
                wrong.append(f"{item} is {known} in the log")
            elif patterns.match(known[1]) is None:
                wrong.append(f"{item} is not of its topics but of {known[1]}")
    gaps = [item for item in seen if isinstance(item, Gap)]
    silent = [
        f"{seq} is missing in silence"
        for seq in _of(log, patterns, after, until)
        if seq not in delivered and not any(gap.first <= seq <= gap.last for gap in gaps)
    ]
    return wrong + silent


def _of(
    log: Mapping[int, tuple[str, tuple[str, ...]]], patterns: Patterns, after: int, until: int
) -> Iterable[int]:
    return [
        seq for seq in range(after + 1, until + 1) if seq in log and patterns.match(log[seq][1]) is not None
    ]
