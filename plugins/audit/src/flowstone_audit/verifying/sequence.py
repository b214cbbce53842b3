"""Stretch by stretch to one whole: what only shows when the pieces are put behind one another."""

from __future__ import annotations

from collections import Counter

from flowstone_audit.verifying.dates import Dates
from flowstone_audit.verifying.pieces import Published, Verified
from flowstone_audit.verifying.report import Finding, Report
from flowstone_audit.verifying.sealcheck import Base


class Sequence:
    """Takes stretches in, in their order.

    Args:
        start: The tree before the first.
        dialect: Of the database.

    Attributes:
        after: The tree behind the last.
        missing: First and last numbers of entries that are gone.
        loose: Entries below ``after.high`` that no seal had when they were met.
        agreed: Greatest size at which a checkpoint from outside fits.
        dates: How entries are dated.
        forked: The first checkpoint from outside that does not fit.
        stepped: Microseconds by which the sealer's clock was set back, at most.
        kinds: What `kinds.counted` says of the entries.
    """

    def __init__(self, start: Base, dialect: str) -> None:
        self.after = start
        self.dialect = dialect
        self.missing: list[tuple[int, int]] = []
        self.loose: set[int] = set()
        self.agreed = 0
        self.dates = Dates()
        self.forked: Published | None = None
        self.stepped = 0
        self.kinds: Counter[int] = Counter()
        self._given_up = start.given_up
        self._stayed: int | None = None

    def take(self, one: Verified, report: Report) -> None:
        """Take in what came of a stretch."""
        report.add(one.findings)
        report.entries += one.compared.entries
        report.erased += one.compared.erased
        self.kinds.update(one.compared.kinds)
        report.pruned += self._pruned(one)
        self.loose.update(one.loose)
        self._given_up = max(self._given_up, one.after.given_up)
        report.add(late(seq, self._given_up, self.dialect) for seq in one.uninvited)
        self.loose.difference_update(one.arrived)
        self.dates.follow(one.compared.dates)
        self.agreed = max(self.agreed, one.agreed)
        self.stepped = max(self.stepped, one.stepped)
        if one.forked is not None and self.forked is None:
            self.forked = one.forked
            where = f"after leaf {self.agreed}" if self.agreed else "from the beginning"
            text = f"a checkpoint of {one.forked.size} leaves was published that this log does not lead to: it was rewritten {where}"
            report.add([Finding("forked", text, leaf=one.forked.size)])
        self.after = one.after

    def _pruned(self, one: Verified) -> int:
        """Return how many entries were deleted by the rules; one behind one that has stayed was not."""
        stayed = self._stayed
        picked = [gone for gone in one.pruned if stayed is not None and stayed <= gone.through]
        self._join(sorted([*one.missing, *(gone[:2] for gone in picked)]))
        if one.stayed is not None:
            self._stayed = min(one.stayed, one.stayed if stayed is None else stayed)
        return sum(gone.last - gone.first + 1 for gone in one.pruned if gone not in picked)

    def _join(self, missing: list[tuple[int, int]]) -> None:
        for first, last in missing:
            if self.missing and self.missing[-1][1] + 1 == first:
                self.missing[-1] = (self.missing[-1][0], last)
            else:
                self.missing.append((first, last))


def late(seq: int, given_up: int, dialect: str) -> Finding:
    """Tell of an entry that was sealed when no gap waited for it.

    Args:
        seq: Its number.
        given_up: Greatest number that was given up because there were too many gaps.
        dialect: Of the database.
    """
    if dialect != "sqlite" and seq <= given_up:
        text = f"entry {seq} was sealed late: there were too many gaps to wait for"
        return Finding("sealed late", text, seq)
    text = f"entry {seq} was put in later, among entries that were sealed already"
    return Finding("inserted late", text, seq)
