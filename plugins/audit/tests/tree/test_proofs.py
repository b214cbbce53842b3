from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_audit.tree import consistency, inclusion
from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.tree.hashing import EMPTY, leaf_hash
from flowstone_audit.tree.layout import stored_index
from plugins.audit.tests.tree.proving import (
    Consistency,
    Inclusion,
    corrupt_consistency,
    corrupt_inclusion,
    grown,
)

MOST = 130
TREE = grown(MOST)

DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
# The published proofs of Certificate Transparency: (index from 0, size) and (old size, new size).
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): INCLUSION[(0, 8)],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 7): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}


@pytest.mark.parametrize("place", INCLUSION)
def test_inclusion_proofs_are_the_published_ones(place: tuple[int, int]) -> None:
    """The proofs over the vectors' data are hash for hash those that Certificate Transparency publishes."""
    index, size = place
    kept = Frontier().extend(leaf_hash(bytes.fromhex(data)) for data in DATA)
    proof = inclusion.prove(size, index, lambda nodes: [kept[stored_index(node)] for node in nodes])
    assert INCLUSION[place] == [one.hex() for one in proof]


@pytest.mark.parametrize("sizes", CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(sizes: tuple[int, int]) -> None:
    """The same of consistency proofs."""
    kept = Frontier().extend(leaf_hash(bytes.fromhex(data)) for data in DATA)
    proof = consistency.prove(*sizes, lambda nodes: [kept[stored_index(node)] for node in nodes])
    assert CONSISTENCY[sizes] == [one.hex() for one in proof]


def test_every_inclusion_proof_verifies_and_none_of_its_corruptions() -> None:
    """Over all i < n <= 130: the proof of leaf i at size n is accepted, and of its corruptions not one."""
    proven, tried, accepted = 0, 0, list[Inclusion]()
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = inclusion.prove(size, index, TREE.read)
            case = (TREE.roots[size], size, index, TREE.leaves[index], proof)
            proven += inclusion.verify(*case)
            for wrong in corrupt_inclusion(*case):
                tried += 1
                if inclusion.verify(*wrong):
                    accepted.append(wrong)
    assert MOST * (MOST + 1) // 2 == proven
    assert tried > 20 * proven
    assert [] == accepted


def test_every_consistency_proof_verifies_and_none_of_its_corruptions() -> None:
    """Over all m <= n <= 130: the proof from m to n is accepted, and of its corruptions not one."""
    proven, tried, accepted = 0, 0, list[Consistency]()
    for new in range(1, MOST + 1):
        for old in range(new + 1):
            proof = consistency.prove(old, new, TREE.read)
            case = (TREE.roots[old], old, TREE.roots[new], new, proof)
            proven += consistency.verify(*case)
            for wrong in corrupt_consistency(*case) if proof else ():
                tried += 1
                if consistency.verify(*wrong):
                    accepted.append(wrong)
    assert sum(new + 1 for new in range(1, MOST + 1)) == proven
    assert tried > 18 * proven
    assert [] == accepted


@settings(max_examples=50, deadline=None)
@given(sizes=st.tuples(st.integers(1, 5000), st.integers(0, 5000)), seed=st.integers(0, 2**32))
def test_proofs_of_larger_trees(sizes: tuple[int, int], seed: int) -> None:
    """Beyond 130 leaves a random leaf and a random former size are proven, and corruptions are not."""
    size, old = sizes[0], sizes[1] % (sizes[0] + 1)
    index = random.Random(seed).randrange(size)
    tree = LARGE
    proof = inclusion.prove(size, index, tree.read)
    case = (tree.roots[size], size, index, tree.leaves[index], proof)
    assert inclusion.verify(*case)
    assert not any(inclusion.verify(*wrong) for wrong in corrupt_inclusion(*case))
    path = consistency.prove(old, size, tree.read)
    step = (tree.roots[old], old, tree.roots[size], size, path)
    assert consistency.verify(*step)
    assert not path or not any(consistency.verify(*wrong) for wrong in corrupt_consistency(*step))


LARGE = grown(5000)


@pytest.mark.parametrize("case", [(0, 0), (1, 0), (2, 1), (-1, 1)])
def test_what_is_not_in_the_tree_is_neither_proven_nor_accepted(case: tuple[int, int]) -> None:
    """No proof exists for an index outside of the tree, and an empty one for it is refused."""
    index, size = case
    with pytest.raises(ValueError, match="no leaf"):
        inclusion.prove(size, index, TREE.read)
    assert not inclusion.verify(TREE.leaves[0], size, index, TREE.leaves[0], [])


@pytest.mark.parametrize(
    ("expected", "old", "new"),
    [
        (True, (EMPTY, 0), (EMPTY, 0)),
        (True, (EMPTY, 0), (TREE.roots[1], 1)),
        (True, (TREE.roots[7], 7), (TREE.roots[7], 7)),
        (False, (TREE.roots[1], 0), (TREE.roots[1], 1)),
        (False, (TREE.roots[1], 1), (TREE.roots[2], 1)),
        (False, (TREE.roots[2], 2), (TREE.roots[1], 1)),
        (False, (TREE.roots[1], 1), (TREE.roots[2], 2)),
        (False, (TREE.roots[1], 0), (TREE.roots[1], 0)),
    ],
)
def test_trees_that_need_no_proof(expected: bool, old: tuple[bytes, int], new: tuple[bytes, int]) -> None:
    """Without a proof only what is the same, or began with nothing, is consistent."""
    assert expected == consistency.verify(*old, *new, [])
    assert not consistency.verify(*old, *new, [EMPTY])


def test_time_does_not_run_backwards() -> None:
    """No consistency proof leads to a smaller tree."""
    with pytest.raises(ValueError, match="not the beginning"):
        consistency.prove(2, 1, TREE.read)
