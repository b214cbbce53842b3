from __future__ import annotations

from hashlib import sha256

import pytest

from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.verifying.growing import grown, places, split


def test_grows_as_the_sealer_does() -> None:
    """For all sizes up to 70 and all batches on top of them, the tree and the stored hashes are the sealer's."""
    leaves = [sha256(bytes([number])).digest() for number in range(140)]
    for first in range(70):
        for count in range(70):
            theirs = Frontier()
            theirs.extend(leaves[:first])
            before = Frontier(first, theirs.packed())
            new = leaves[first : first + count]
            stored = theirs.extend(new)
            ours, whole = grown(before, new, stored, places(first, count))
            assert (theirs.size, theirs.packed(), True) == (ours.size, ours.packed(), whole)
            assert new == [stored[place] for place in places(first, count)]


def test_every_stored_hash_counts() -> None:
    """Whichever of the stored hashes is another, or one more or less, it is seen."""
    leaves = [sha256(bytes([number])).digest() for number in range(40)]
    for first in (0, 1, 5, 8):
        theirs = Frontier()
        theirs.extend(leaves[:first])
        before = Frontier(first, theirs.packed())
        stored = theirs.extend(leaves[first:])
        there = places(first, 40 - first)
        for at in range(len(stored)):
            wrong = [*stored[:at], b"\0" * 32, *stored[at + 1 :]]
            assert not grown(before, leaves[first:], wrong, there)[1]
        assert not grown(before, leaves[first:], stored[:-1], there)[1]
        assert not grown(before, leaves[first:], [*stored, stored[0]], there)[1]


@pytest.mark.parametrize("first", [0, 4096, 8190, 8191, 8192, 12_345, (1 << 40) - 2])
def test_places_far_on(first: int) -> None:
    """Wherever leaves begin, behind each of them stand as many subtrees as it completes."""
    expected = [0]
    for end in range(first + 1, first + 4096):
        expected.append(expected[-1] + 1 + bin(end)[::-1].index("1"))
    for count in (1, 2, 4095, 4096):
        assert expected[:count] == places(first, count)


@pytest.mark.parametrize("count", [255, 256, 257, 1024, 1025])
def test_split_many(count: int) -> None:
    """However many hashes there are, each comes once and in order."""
    hashes = [number.to_bytes(32, "big") for number in range(count)]
    assert hashes == split(b"".join(hashes))


def test_split() -> None:
    """Stored hashes are taken apart, and nothing is made of what is not whole."""
    assert [b"a" * 32, b"b" * 32] == split(b"a" * 32 + b"b" * 32)
    assert [] == split(b"a" * 33) == split(None) == split("a" * 32)
