from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.tree.hashing import EMPTY, leaf_hash
from flowstone_audit.tree.layout import Node, full_subtrees, stored_count, stored_index

# The data and roots of the Certificate Transparency test vectors (RFC 6962), sizes 1 to 8.
DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(data: Sequence[bytes]) -> bytes:
    """The Merkle tree hash, word for word as RFC 6962 §2.1 defines it."""
    if not data:
        return sha256().digest()
    if len(data) == 1:
        return sha256(b"\0" + data[0]).digest()
    k = 1
    while k * 2 < len(data):
        k *= 2
    return sha256(b"\1" + mth(data[:k]) + mth(data[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_the_published_vectors(size: int) -> None:
    """A tree over the vectors' data has the root that Certificate Transparency publishes for it."""
    frontier = Frontier()
    frontier.extend(leaf_hash(bytes.fromhex(data)) for data in DATA[:size])
    assert ROOTS[size - 1] == frontier.root().hex()


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    """An empty tree has the published root."""
    assert "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" == EMPTY.hex()
    assert EMPTY == Frontier().root()


def test_a_growing_tree_has_the_recursive_root_at_every_size() -> None:
    """At each size to 130, grown leaf by leaf, the root is the recursive definition's."""
    data = [bytes([n]) * (n % 7) for n in range(130)]
    frontier = Frontier()
    assert [mth(data[: n + 1]) for n in range(130)] == [
        (frontier.extend([leaf_hash(one)]), frontier.root())[1] for one in data
    ]


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(st.binary(max_size=20), max_size=300), max_size=6))
def test_batches_and_restarts_do_not_change_the_root(batches: list[list[bytes]]) -> None:
    """However leaves are batched, and with the frontier stored and read in between, the root is the definition's."""
    size, packed, kept = 0, b"", []
    for batch in batches:
        frontier = Frontier(size, packed)
        kept += frontier.extend(map(leaf_hash, batch))
        size, packed = frontier.size, frontier.packed()
    data = [one for batch in batches for one in batch]
    assert mth(data) == Frontier(size, packed).root()
    assert stored_count(size) == len(kept)


def test_hashes_are_kept_in_the_layout_of_gos_tlog() -> None:
    """The place of each node, by arithmetic, is where its hash was appended; no place is left over."""
    data = [bytes([n]) for n in range(130)]
    kept = Frontier().extend(map(leaf_hash, data))
    seen = set()
    for level in range(8):
        for n in range(130 >> level):
            node = Node(level, n)
            first = n << level
            seen.add(stored_index(node))
            assert mth(data[first : first + (1 << level)]) == kept[stored_index(node)], node
    assert set(range(len(kept))) == seen


def test_places_are_those_that_go_computes() -> None:
    """Golden places of Go's StoredHashIndex: leaves 0 to 8 and the first inner nodes."""
    assert [0, 1, 3, 4, 7, 8, 10, 11, 15] == [stored_index(Node(0, n)) for n in range(9)]
    assert [2, 5, 9, 12] == [stored_index(Node(1, n)) for n in range(4)]
    assert [6, 13, 14] == [stored_index(Node(2, 0)), stored_index(Node(2, 1)), stored_index(Node(3, 0))]


@pytest.mark.parametrize(("size", "length"), [(1, 0), (1, 64), (3, 32), (3, 63), (-1, 32), (0, 32)])
def test_a_frontier_of_the_wrong_length_is_refused(size: int, length: int) -> None:
    """A frontier that does not fit its size is no frontier."""
    with pytest.raises(ValueError, match="frontier"):
        Frontier(size, bytes(length))


@given(st.integers(1, 10**12))
def test_a_tree_is_made_of_its_full_subtrees(size: int) -> None:
    """The full subtrees of a size cover its leaves once, from large to small, one for each one bit."""
    parts = full_subtrees(0, size)
    assert size.bit_count() == len(parts)
    covered = 0
    for part in parts:
        assert covered == part.n << part.level
        covered += 1 << part.level
    assert size == covered
