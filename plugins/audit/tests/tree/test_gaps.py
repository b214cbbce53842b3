from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_audit import gaps
from flowstone_audit.gaps import Gap

NUMBERS = st.sets(st.integers(1, 60))


@given(high=st.integers(0, 20), seen=NUMBERS)
def test_gaps_are_what_was_skipped(high: int, seen: set[int]) -> None:
    """Between the last number and the greatest seen, gaps and seen numbers make up everything, without overlap."""
    seqs = sorted(seq for seq in seen if seq > high)
    found = gaps.between(high, seqs)
    skipped = [seq for first, last in found for seq in range(first, last + 1)]
    assert list(range(high + 1, max(seqs, default=high) + 1)) == sorted([*skipped, *seqs])


@given(missing=NUMBERS, arrived=NUMBERS)
def test_what_arrived_is_waited_for_no_more(missing: set[int], arrived: set[int]) -> None:
    """Gaps without what arrived are the set difference, each with its stamp."""
    seen = sorted(set(range(1, 62)) - missing)
    stamped = gaps.stamped(gaps.between(0, seen), 7)
    left = gaps.without(stamped, sorted(arrived))
    assert missing - arrived == {seq for gap in left for seq in range(gap.first, gap.last + 1)}
    assert {7} >= {gap.stamp for gap in left}


def test_a_gap_is_given_up_when_no_transaction_can_fill_it() -> None:
    """A gap stays open while a transaction with a smaller id than its stamp may be running, no longer."""
    gap = Gap(1, 2, 100)
    assert [gap] == gaps.open_at([gap], 99)
    assert [] == gaps.open_at([gap], 100)


def test_the_newest_gaps_are_remembered() -> None:
    """Of too many gaps the oldest are left to the sweep."""
    many = [Gap(n, n, 1) for n in range(gaps.MOST + 5)]
    assert many[5:] == gaps.capped(many)


@given(st.lists(st.builds(Gap, st.integers(1), st.integers(1), st.integers(0))))
def test_gaps_come_back_from_their_text(some: list[Gap]) -> None:
    """What a seal row holds is what was put there."""
    assert some == gaps.decode(gaps.encode(some))


def test_more_gaps_than_are_remembered_are_none() -> None:
    """A text with more gaps than a sealer leaves, or with numbers without end, is none of his."""
    for text in (gaps.encode([Gap(1, 1, 1)] * (gaps.MOST + 1)), "[[1e999,1,1]]", "[" * 100_000, "5"):
        with pytest.raises(ValueError, match="gaps"):
            gaps.decode(text)


RUNS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)).map(lambda one: (one[0], sum(one))))


@given(runs=RUNS, seqs=NUMBERS)
def test_what_lies_in_runs(runs: list[tuple[int, int]], seqs: set[int]) -> None:
    """Whatever order runs have, and however they overlap, what they hold is found, and what they leave out."""
    held = {seq for first, last in runs for seq in range(first, last + 1)}
    assert seqs & held == gaps.within(runs, seqs)
    skipped = [seq for first, last in gaps.around(5, runs) for seq in range(first, last + 1)]
    assert [seq for seq in range(6, max(held, default=0)) if seq not in held] == skipped
