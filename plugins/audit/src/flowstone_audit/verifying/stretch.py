"""A stretch of the log: some seals, one behind the other, with the entries under them. Stretches can be verified apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from flowstone_audit import checkpoint, gaps, note
from flowstone_audit.canonical import leaf_hash
from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.verifying import pruned, telling
from flowstone_audit.verifying.entries import compare, runs
from flowstone_audit.verifying.pieces import Stretch, Verified, base_of
from flowstone_audit.verifying.report import Finding
from flowstone_audit.verifying.sealcheck import Base, Checked, Trust, check
from flowstone_audit.verifying.source import Damaged, Floor, SealRow, Source, permitted

_DAY_US: Final = 86_400_000_000
_TOLD: Final = 200
"""Entries of a stretch that are looked at one by one; more are only named."""


def verify(source: Source, stretch: Stretch, trust: Trust) -> Verified:
    """Verify a stretch.

    Raises:
        Unavailable: The database cannot be read.
    """
    found = Verified(Base(), Base())
    try:
        with source.snapshot():
            base = stretch.base if stretch.base is not None else base_of(source.seal_before(stretch.first))
            found.base = found.after = base
            _Run(source, stretch, trust, found).run()
    except Damaged as error:
        text = f"the database cannot read the entries of leaf {stretch.first} to {stretch.end - 1}: {error}"
        found.findings.append(Finding("damaged", text, error.seq, leaf=stretch.first))
    return found


def skipped(holes: Sequence[tuple[int, int]]) -> list[Finding]:
    """Return what was deleted before it was sealed, where numbers come without gaps (SQLite)."""
    return [
        Finding("deleted", f"{_which(first, last)} deleted before being sealed", first, last)
        for first, last in holes
    ]


def _which(first: int, last: int) -> str:
    return f"entry {first} was" if first == last else f"entries {first} to {last} were"


class _Run:
    """One verification of one stretch."""

    def __init__(self, source: Source, stretch: Stretch, trust: Trust, found: Verified) -> None:
        self.source = source
        self.stretch = stretch
        self.trust = trust
        self.found = found
        self.seqs: list[int] = []
        self.leaves: list[bytes] = []
        self.times: dict[int, int] = {}
        self.bridged: list[tuple[int, int]] = []  # first and last entries of seals that are gone: may be many
        self.floor: Floor | None = source.floor()

    def run(self) -> None:
        """Verify seals, then the entries under them."""
        for row in self.source.seals(self.stretch.first, self.stretch.end):
            self._seal(row)
        found = self.found
        low, high = found.base.high, found.after.high
        found.compared = compared = compare(
            self.source, low, high, self.seqs, self.leaves, self.stretch.through
        )
        unproven = {*found.unproven, *gaps.within(self.bridged, compared.loose)}
        loose = [seq for seq in compared.loose if seq not in unproven]
        twice = {seq for seq, count in Counter(self.seqs).items() if count > 1} if loose else set()
        named = self._misnamed([*compared.bad, *loose], {*compared.bad, *compared.missing, *twice})
        found.loose = [seq for seq in loose if seq not in named]
        found.uninvited = [seq for seq in found.uninvited if seq not in named]
        self._missing([seq for seq in compared.missing if seq not in named])
        self._bad(sorted(seq for seq in compared.bad if seq not in named))
        if self.trust.dialect == "sqlite" and not named:
            known = runs(sorted({*self.seqs, *found.unproven}))
            found.findings += skipped(gaps.around(low, [*known, *self.bridged]))

    def _misnamed(self, there: list[int], unmatched: set[int]) -> set[int]:
        """Return the numbers that a seal has wrong: the entries are whole, under other numbers than it names."""
        if not there or not unmatched:
            return set()
        places = {leaf: seq for seq, leaf in zip(self.seqs, self.leaves, strict=True) if seq in unmatched}
        named: set[int] = set()
        for begin in range(0, len(there), 512):
            some = there[begin : begin + 512]
            for one in self.source.rows_of(some):
                leaf = telling.leaf_of(telling.content_hash(one.row), one.seq, one.inserted_at)
                seq = places.get(leaf or b"")
                if seq is not None and seq != one.seq:
                    named |= {seq, one.seq}
                    text = f"the seal of entry {one.seq} names entry {seq} in its place"
                    self.found.findings.append(Finding("seal altered", text, one.seq, fields=("seqs",)))
        return named

    def _seal(self, row: SealRow) -> None:
        found, base = self.found, self.found.after
        if isinstance(row.first_leaf, int) and row.first_leaf != base.size and not self._follows(row, base):
            said = self._said(row)
            if said is not None and said.size - len(row.seqs) // 8 != row.first_leaf:
                text = f"the seal of leaf {said.size - len(row.seqs) // 8} and following says it begins at {row.first_leaf}"
                found.findings.append(
                    Finding("seal altered", text, fields=("first_leaf",), leaf=row.first_leaf)
                )
                return
            if row.first_leaf < base.size:
                text = f"a seal of leaf {row.first_leaf} and following stands beside another one"
                found.findings.append(Finding("seal altered", text, leaf=row.first_leaf))
                return
            base = self._bridged(row, base)
        checked = check(row, base, self.trust, self._recomputed)
        found.findings += checked.findings
        found.uninvited += checked.uninvited
        if min(checked.seqs, default=found.base.high + 1) <= found.base.high:
            found.arrived += (seq for seq in checked.seqs if seq <= found.base.high)
        self._published(base, checked)
        if checked.leaves:
            self.seqs += checked.seqs
            self.leaves += checked.leaves
        else:
            found.unproven += checked.seqs
            self._name(checked)
        if checked.time is not None:
            found.stepped = max(found.stepped, base.time - checked.time)
            self.times.update(dict.fromkeys(checked.seqs, checked.time) if self.floor is not None else {})
        found.after = checked.after

    def _name(self, checked: Checked) -> None:
        """Say which entries stand under a seal that cannot be believed."""
        if checked.findings and checked.seqs:
            last = checked.findings[-1]
            first, end = min(checked.seqs), max(checked.seqs)
            text = f"{last.message}; entries {first} to {end} cannot be proven"
            checked.findings[-1] = last._replace(message=text, seq=first, last=end)
            self.found.findings[-1] = checked.findings[-1]

    def _follows(self, row: SealRow, base: Base) -> bool:
        """Tell whether a seal does follow, and only says another place."""
        said = self._said(row)
        return said is not None and said.size == base.size + len(row.seqs) // 8

    def _said(self, row: SealRow) -> checkpoint.Checkpoint | None:
        try:
            signed = note.verify(row.note, self.trust.keys) if self.trust.keys else note.parse(row.note)
            return checkpoint.parse(signed) if isinstance(row.seqs, bytes) else None
        except (ValueError, TypeError, AttributeError):
            return None

    def _bridged(self, row: SealRow, base: Base) -> Base:
        """Return the tree before *row*, whose predecessors are gone: made of the entries, where these are there."""
        seqs = [seq for seq in _unpacked(row) if seq > base.high]
        upto = min(seqs, default=base.high + 1) - 1
        leaves = self._leaves_between(base.high, upto)
        count = row.first_leaf - base.size
        text = f"the seals of leaf {base.size} to {row.first_leaf - 1} are gone"
        self.found.findings.append(
            Finding("seal altered", text, base.high + 1, upto, leaf=base.size, fields=("leaves",))
        )
        if min(upto - base.high, count) > 0:
            self.bridged.append((base.high + 1, min(upto, base.high + count)))
        if leaves is None or len(leaves) != count:
            return Base(
                row.first_leaf, b"\0" * 32 * row.first_leaf.bit_count(), upto, None, base.time, base.given_up
            )
        grown = Frontier(base.size, base.frontier)
        grown.extend(leaves)
        return Base(grown.size, grown.packed(), upto, None, base.time, base.given_up)

    def _leaves_between(self, low: int, high: int) -> list[bytes] | None:
        made: list[bytes] = []
        for some in self.source.contents(low, high):
            again = self._recomputed([row[0] for row in some])
            if again is None:
                return None
            made += again
        return made

    def _recomputed(self, seqs: Sequence[int]) -> list[bytes] | None:
        """Return the leaves that entries have today; None where one is gone, or holds what has no hash."""
        stored = {one.seq: one for one in self.source.rows_of(seqs)} if seqs else {}
        made = []
        for seq in seqs:
            one = stored.get(seq)
            row_hash = telling.content_hash(one.row) if one is not None else None
            if one is None or row_hash is None or not isinstance(one.inserted_at, int):
                return None
            try:
                made.append(leaf_hash(row_hash, seq, one.inserted_at))
            except OverflowError:
                return None
        return made

    def _published(self, base: Base, checked: Checked) -> None:
        """Hold the tree against the checkpoints from outside whose sizes it now has."""
        found = self.found
        for one in self.stretch.published:
            if not base.size < one.size <= checked.after.size or found.forked is not None:
                continue
            grown = Frontier(base.size, base.frontier)
            if one.size == checked.after.size:
                grown = Frontier(one.size, checked.after.frontier)
            elif checked.leaves:
                grown.extend(checked.leaves[: one.size - base.size])
            if grown.size == one.size and grown.root() == one.root:
                found.agreed = max(found.agreed, one.size)
            else:
                found.forked = one

    def _missing(self, missing: list[int]) -> None:
        found, floor, gone = self.found, self.floor, set(missing)
        if floor is None or min(self.seqs, default=floor.through + 1) > floor.through:
            found.missing = list(runs(sorted(gone)))
            return
        known, pruned_by = pruned.prunes(self.source, floor), []
        for leaf, seq in enumerate(self.seqs, found.base.size):  # only all stand here, or none is believed
            if seq not in gone:
                found.stayed = min(seq, found.stayed or seq) if seq <= floor.through else found.stayed
                continue
            by = pruned.of(known, seq, leaf)
            if by is not None and (found.stayed is None or found.stayed > by.through):
                pruned_by.append((seq, by.through))
        gone -= {seq for seq, _ in pruned_by}
        self._young([seq for seq, _ in pruned_by], floor)
        found.pruned = pruned.joined(pruned_by)
        found.missing = list(runs(sorted(gone)))

    def _young(self, gone: list[int], floor: Floor) -> None:
        """Tell of entries that were pruned and are young."""
        # Sealing takes its time, so a seal may be a little younger than the entry that was old enough.
        moment, age = self.stretch.now, _DAY_US * 19 // 20
        young = [seq for seq in gone if self.times.get(seq, 0) > moment - floor.days(seq) * age]
        if young:
            days = floor.days(young[0])
            text = f"{len(young)} entries were pruned whose seals are younger than {days} days; see their archive"
            self.found.findings.append(Finding("pruned early", text, young[0], young[-1]))

    def _bad(self, bad: list[int]) -> None:
        """Find out what was done to entries that differ."""
        if not bad:
            return
        leaf = dict(zip(self.seqs, self.leaves, strict=True))
        looked = bad[:_TOLD]
        stored = {one.seq: one for one in self.source.rows_of([*looked, *self._near(looked)])}
        allowed = permitted(self.source, looked)
        near = list(stored.values())
        of_near = {seq: leaf[seq] for seq in stored if seq in leaf}
        self.found.findings += [telling.astray(seq) for seq in looked if seq not in stored]
        for seq in filter(stored.__contains__, looked):
            others = sorted((one for one in near if one.seq != seq), key=lambda one: abs(one.seq - seq))
            self.found.findings += telling.of_sealed(
                stored[seq], leaf[seq], others, of_near, permitted=seq in allowed
            )
        for seq in bad[_TOLD:]:
            self.found.findings.append(Finding("modified", f"entry {seq} was changed", seq))

    def _near(self, looked: list[int]) -> list[int]:
        """Return numbers of entries whose values may have been exchanged with those that differ."""
        return sorted({seq + by for seq in looked[:20] for by in range(-8, 9)} - set(looked))


def _unpacked(row: SealRow) -> list[int]:
    if not isinstance(row.seqs, bytes):
        return []
    return [int.from_bytes(row.seqs[at : at + 8], "big") for at in range(0, len(row.seqs) - 7, 8)]
