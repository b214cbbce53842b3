"""The numbers that a seal passes over and waits for, held against the seals before it and what was signed of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flowstone_audit import gaps
from flowstone_audit.gaps import Gap


def decoded(text: object, dialect: str) -> tuple[Gap, ...] | None:
    """Return the gaps that a seal leaves; None where its text spells none, or none that can be."""
    try:
        found = tuple(gaps.decode(text))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
    return None if gaps.encode(found) != text or (found and dialect == "sqlite") else found


def may_leave(found: Sequence[Gap], high: int, before: Sequence[Gap] | None, seqs: Sequence[int]) -> bool:
    """Tell whether these are gaps that a seal can leave: all new ones, and of the old ones some.

    Args:
        found: The gaps.
        high: Greatest number of the seals before.
        before: Gaps that those left; None where that is not known.
        seqs: Numbers of the seal.
    """
    arrived = sorted(seq for seq in seqs if seq <= high)
    opened = [gap for gap in found if gap.first > high]
    kept = {gap for gap in found if gap.first <= high}
    new = gaps.between(high, sorted(seq for seq in seqs if seq > high))
    if opened != gaps.capped(gaps.stamped(new, opened[0].stamp if opened else 0)):
        return False
    return before is None or kept <= set(gaps.without(before, arrived))


def signed(
    state: bytes,
    high: int,
    said: Sequence[Gap] | None,
    before: Sequence[Gap] | None,
    after: int,
    seqs: Sequence[int],
) -> tuple[Gap, ...] | None:
    """Return the gaps that were signed, guessed at from the seal before; None where no guess fits.

    Args:
        state: What was signed of them.
        high: Greatest number of the seals before.
        said: What the seal says today.
        before: Gaps that the seals before left.
        after: Greatest number of the seal.
        seqs: Its numbers.
    """
    for some in _guesses(high, said, before, seqs):
        if gaps.state(after, gaps.encode(some)) == state:
            return tuple(some)
    return None


def _guesses(
    high: int, said: Sequence[Gap] | None, before: Sequence[Gap] | None, seqs: Sequence[int]
) -> Iterator[Sequence[Gap]]:
    """Yield what a sealer can have left: gaps are given up by their stamps, the oldest first."""
    if said is not None:
        yield said
    old = gaps.without(before or (), sorted(seq for seq in seqs if seq <= high))
    new = gaps.between(high, sorted(seq for seq in seqs if seq > high))
    stamps = {gap.stamp for gap in said or () if gap.first > high} or {0}
    for stamp in stamps:
        for oldest in (0, *sorted({gap.stamp for gap in old})):
            yield gaps.capped([*gaps.open_at(old, oldest), *gaps.stamped(new, stamp)])
