"""What a log is taken apart into, to be verified piece by piece, and what comes of a piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from flowstone_audit import checkpoint, gaps, note
from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.verifying.entries import Compared
from flowstone_audit.verifying.pruned import Gone
from flowstone_audit.verifying.report import Finding
from flowstone_audit.verifying.sealcheck import Base
from flowstone_audit.verifying.source import SealRow


class Published(NamedTuple):
    """A checkpoint from outside: what the tree had to be."""

    size: int
    root: bytes


class Stretch(NamedTuple):
    """What is to be verified.

    Attributes:
        first: Index of the first leaf.
        end: Index that no seal of the stretch begins at or behind.
        base: The tree before; what the seal before says of it, if not given.
        published: Checkpoints to hold it against.
        now: Unix microseconds: what is old enough to be pruned.
        through: Up to which number kinds are counted; see `kinds`.
    """

    first: int
    end: int
    base: Base | None
    published: tuple[Published, ...]
    now: int
    through: int = 0


@dataclass(slots=True)
class Verified:
    """What came of it.

    Attributes:
        base: The tree before, as it was taken.
        after: The tree behind.
        findings: What is wrong with seals and entries.
        missing: First and last numbers of entries that are gone.
        loose: Numbers of entries that no seal of the stretch has.
        uninvited: Entries whose numbers no gap waited for.
        arrived: Entries whose numbers are below ``base.high``.
        unproven: Entries whose seals cannot be believed.
        compared: How the entries did.
        pruned: Entries that were deleted by the rules, as far as the stretch can tell; in leaf order.
        stayed: The least number of an entry that a prune could have deleted, and has not.
        agreed: Greatest size of *published* that fits; 0 if none.
        forked: The first of *published* that does not.
        stepped: Microseconds by which a checkpoint is dated before one before it, at most.
    """

    base: Base
    after: Base
    findings: list[Finding] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    loose: list[int] = field(default_factory=list)
    uninvited: list[int] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    unproven: list[int] = field(default_factory=list)
    compared: Compared = field(default_factory=Compared)
    pruned: list[Gone] = field(default_factory=list)
    stayed: int | None = None
    agreed: int = 0
    forked: Published | None = None
    stepped: int = 0


def base_of(row: SealRow | None) -> Base:
    """Return the tree that a seal says is behind it; whether it is, its own stretch tells."""
    if row is None:
        return Base()
    try:
        size = row.first_leaf + row.leaves
        frontier = Frontier(size, row.frontier).packed()
        said = checkpoint.parse(note.parse(row.note))
        left, bound = tuple(gaps.decode(row.gaps)), said.state is not None
        given_up = left[0].first - 1 if len(left) >= gaps.MOST else 0
        return Base(size, frontier, int(row.high), left, said.time or 0, given_up, bound)
    except (ValueError, TypeError, AttributeError):
        return Base(gaps=None)
