"""A seal held against itself: its tree computed anew, its checkpoint's signature, what it says beside them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowstone_audit import checkpoint, gaps, note
from flowstone_audit.checkpoint import Checkpoint
from flowstone_audit.gaps import Gap
from flowstone_audit.keys import VerifierKey
from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.verifying import gapcheck, growing
from flowstone_audit.verifying.report import Finding
from flowstone_audit.verifying.source import SealRow


class Base(NamedTuple):
    """What the tree is before a seal.

    Attributes:
        size: Its leaves.
        frontier: Roots of its full subtrees.
        high: Greatest number sealed.
        gaps: Numbers below it that may still come; None where that is not known.
        time: Of the last checkpoint; 0 where there is none.
        given_up: Greatest number that may have been given up as a gap because there were too many of them.
        bound: Whether a checkpoint has signed ``high`` and ``gaps``; all that follow do then.
    """

    size: int = 0
    frontier: bytes = b""
    high: int = 0
    gaps: tuple[Gap, ...] | None = ()
    time: int = 0
    given_up: int = 0
    bound: bool = False


class Trust(NamedTuple):
    """What signatures are held against.

    Attributes:
        origin: The log's name.
        keys: Keys that may sign.
        dialect: Of the database: in SQLite numbers come without gaps.
    """

    origin: str
    keys: tuple[VerifierKey, ...]
    dialect: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A seal, and what is wrong with it.

    Attributes:
        findings: What is wrong.
        seqs: Numbers of its leaves.
        leaves: Their hashes, as far as they are to be believed; empty where none are.
        after: The tree with them.
        uninvited: Numbers below ``base.high`` that no gap waited for.
        time: Of its checkpoint, where that is signed.
    """

    findings: list[Finding]
    seqs: tuple[int, ...]
    leaves: list[bytes]
    after: Base
    uninvited: tuple[int, ...]
    time: int | None


Recompute = Callable[[Sequence[int]], list[bytes] | None]
"""Returns the leaves that the entries of these numbers have today; None where one is gone."""


def check(row: SealRow, base: Base, trust: Trust, recompute: Recompute) -> Checked:
    """Hold a seal against itself and the tree before it.

    Args:
        row: The seal.
        base: The tree before it.
        trust: What signatures are held against.
        recompute: Asked only where the seal's own hashes do not fit its checkpoint.
    """
    findings: list[Finding] = []
    said = _said(row, base, trust, findings)
    seqs = _seqs(row)
    grown, stored, altered = _grown(row, base, said, seqs, recompute)
    altered += _altered(row, base, grown, len(seqs))
    if said is not None and said.time is not None and said.time != row.sealed_at:
        altered.append("sealed_at")
    left, high, wrong = _left(row, base, said, seqs, trust.dialect)
    altered += wrong
    if altered:
        findings.append(_finding(row, base.size, sorted({name for name in altered if name})))
    given_up = base.given_up
    if left is not None and len(left) >= gaps.MOST:
        given_up = max(given_up, left[0].first - 1)
    time = max(base.time, said.time) if said is not None and said.time is not None else base.time
    bound = base.bound or (said is not None and said.state is not None)
    after = Base(grown.size, grown.packed(), high, left, time, given_up, bound)
    return Checked(
        findings, seqs, stored, after, _uninvited(base, seqs), said.time if said is not None else None
    )


def _left(
    row: SealRow, base: Base, said: Checkpoint | None, seqs: Sequence[int], dialect: str
) -> tuple[tuple[Gap, ...] | None, int, list[str]]:
    """Return the gaps that a seal did leave, the greatest number sealed, and the columns that say otherwise."""
    left, altered = gapcheck.decoded(row.gaps, dialect), []
    state = said.state if said is not None else None
    fits = isinstance(row.high, int) and isinstance(row.gaps, str) and gaps.state(row.high, row.gaps) == state
    high = row.high if fits else _high(row, base, seqs, left or ())
    if seqs and max(base.high, *seqs) != high:
        altered.append("seqs")
    elif left is None or (dialect != "sqlite" and not gapcheck.may_leave(left, base.high, base.gaps, seqs)):
        altered.append("gaps")
    if row.high != high:
        altered.append("high")
    if said is not None and state is None and base.bound:
        altered.append("note")  # not signed any more is what was signed before
    elif state is not None and not fits:
        signed = gapcheck.signed(state, base.high, left, base.gaps, high, seqs)
        altered += ["gaps"] if signed != left and "seqs" not in altered else []
        left = signed
    return left, high, altered


def _grown(
    row: SealRow, base: Base, said: Checkpoint | None, seqs: Sequence[int], recompute: Recompute
) -> tuple[Frontier, list[bytes], list[str]]:
    """Return the tree behind a seal, the leaves that are to be believed, and whether its hashes were changed.

    Where they do not lead to what was signed, the entries of today are tried; and where these do not either,
    the tree is what the seal's frontier says, if that is the signed one, and no leaf is believed.
    """
    hashes, places = growing.split(row.hashes), growing.places(base.size, len(seqs))
    stored = [hashes[place] for place in places] if places and places[-1] < len(hashes) else []
    before = Frontier(base.size, base.frontier)
    grown, whole = growing.grown(before, stored, hashes, places)
    if said is not None and (said.size, said.root) != (grown.size, grown.root()):
        again = recompute(seqs)
        remade = growing.grown(before, again, hashes, places) if again is not None else None
        if again is None or remade is None or remade[0].root() != said.root:
            return _signed(row, said) or grown, [], [""]
        stored, (grown, whole) = again, remade
    return grown, stored, [] if whole else ["hashes"]


def _uninvited(base: Base, seqs: Sequence[int]) -> tuple[int, ...]:
    if base.gaps is None or min(seqs, default=base.high + 1) > base.high:
        return ()
    late = [seq for seq in seqs if seq <= base.high]
    invited = gaps.within(base.gaps, late)
    return tuple(seq for seq in late if seq not in invited)


def _finding(row: SealRow, first: int, fields: list[str]) -> Finding:
    what = " and ".join(fields) if fields else "the hashes"
    return Finding(
        "seal altered",
        f"{what} of the seal of leaf {first} and following was changed",
        fields=tuple(fields),
        leaf=first,
    )


def _said(row: SealRow, base: Base, trust: Trust, findings: list[Finding]) -> Checkpoint | None:
    """Return the seal's checkpoint if it is to be believed; else note why not."""
    first = base.size
    try:
        parsed = note.verify(row.note, trust.keys) if trust.keys else note.parse(row.note)
        said = checkpoint.parse(parsed)
    except note.BadSignature as error:
        findings.append(
            Finding("bad signature", f"the checkpoint of leaf {first} and following: {error}", leaf=first)
        )
        return None
    except note.NotSigned:
        findings.append(_strange(row, first, trust))
        return None
    except (note.Malformed, TypeError, AttributeError) as error:
        text = f"the checkpoint of leaf {first} and following is none: {error}"
        findings.append(Finding("seal altered", text, fields=("note",), leaf=first))
        return None
    if said.origin != trust.origin:
        text = f"the checkpoint of leaf {first} and following is of another log, {said.origin[:80]!r}"
        findings.append(Finding("seal altered", text, fields=("note",), leaf=first))
        return None
    if said.size != base.size + _count(row):
        text = f"the checkpoint of leaf {first} and following is of another size, {said.size}"
        findings.append(Finding("seal altered", text, fields=("note",), leaf=first))
        return None
    return said


def _strange(row: SealRow, first: int, trust: Trust) -> Finding:
    """Return what it is that no known key has signed."""
    signers = note.parse(row.note).signatures
    ours = [one for one in signers if one.name == trust.origin and len(one.signature) == 64]
    if ours:
        text = f"the checkpoint of leaf {first} and following is signed by another key, {ours[0].id.hex()}"
        return Finding("key swapped", text, leaf=first)
    text = f"the checkpoint of leaf {first} and following is not signed by the log's key"
    return Finding("bad signature", text, leaf=first)


def _count(row: SealRow) -> int:
    """Return how many leaves a seal has by the numbers it names."""
    return len(row.seqs) // 8 if isinstance(row.seqs, bytes) else 0


def _seqs(row: SealRow) -> tuple[int, ...]:
    count = _count(row)
    return struct.unpack(f">{count}Q", row.seqs[: 8 * count]) if count else ()


def _signed(row: SealRow, said: Checkpoint) -> Frontier | None:
    """Return the frontier that the seal keeps, if it is the signed one's."""
    try:
        kept = Frontier(said.size, row.frontier)
    except (ValueError, TypeError):
        return None
    return kept if kept.root() == said.root else None


def _altered(row: SealRow, base: Base, grown: Frontier, count: int) -> list[str]:
    """Return the columns that are not as the tree has them."""
    expected: dict[str, Any] = {
        "first_leaf": base.size,
        "leaves": count,
        "root": grown.root(),
        "frontier": grown.packed(),
    }
    found = [name for name, value in expected.items() if getattr(row, name) != value]
    if not isinstance(row.seqs, bytes) or not count or len(row.seqs) % 8:
        found.append("seqs")
    return found


def _high(row: SealRow, base: Base, seqs: Sequence[int], left: Sequence[Gap]) -> int:
    """Return the greatest number sealed. Where the seal contradicts itself, what two of its columns say."""
    new = [seq for seq in seqs if seq > base.high]
    greatest = max(new, default=base.high)
    if row.high == greatest or not isinstance(row.high, int):
        return greatest
    counted = base.high + len(new) + sum(gap.last - gap.first + 1 for gap in left if gap.first > base.high)
    return row.high if row.high == counted else greatest
