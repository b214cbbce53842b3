"""The verification of a log from one end to the other, or from a checkpoint on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from operator import lt
from time import monotonic, time_ns
from typing import Final, NamedTuple

from flowstone_audit import checkpoint, gaps, note
from flowstone_audit.checkpoint import Checkpoint
from flowstone_audit.keys import VerifierKey
from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.verifying import ends, outside, processes, standing
from flowstone_audit.verifying.beside import Beside
from flowstone_audit.verifying.opened import Target, open_source
from flowstone_audit.verifying.outside import Outside
from flowstone_audit.verifying.pieces import Published, Stretch
from flowstone_audit.verifying.report import Finding, Report
from flowstone_audit.verifying.sealcheck import Base, Trust
from flowstone_audit.verifying.sequence import Sequence
from flowstone_audit.verifying.source import Source

_LEAVES: Final = 8192
_SEALS: Final = 256
_END: Final = 1 << 63
"""Behind every leaf."""


class Options(NamedTuple):
    """How a log is verified.

    Attributes:
        notes: Checkpoints that were published outside, where the database's owner cannot write.
        near: Checkpoints that lie beside the database: they tell of mistakes, and prove little.
        keys: Verifier keys.
        since: A checkpoint of this log up to which it is taken to be verified; None for all of it.
        jobs: Processes that verify.
        lag_s: Seconds that an entry may wait for its seal.
        allowed: Kinds of findings that raise no alarm.
        pinned: Whether the keys come from elsewhere than the log.
        told: Called with the number of leaves that were verified, now and then.
    """

    notes: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    keys: tuple[VerifierKey, ...] = ()
    since: str | None = None
    jobs: int = 1
    lag_s: float = 60.0
    allowed: frozenset[str] = frozenset()
    pinned: bool = False
    told: Callable[[int], object] | None = None


def verify(target: Target, options: Options) -> Report:
    """Verify a log.

    Args:
        target: Its database.
        options: How.

    Raises:
        Unavailable: The database cannot be read.
        SchemaMismatch: It has no audit tables of this version.
        NoteError: ``since`` is no checkpoint of this log, or is not signed.
    """
    begun = monotonic()
    with ExitStack() as stack:
        workers = None
        if options.jobs > 1:
            workers = processes.Workers(target, options.jobs)
            stack.callback(workers.close)
        source = open_source(target)
        stack.callback(source.close)
        report = _Whole(target, source, options, workers).run()
    report.seconds = monotonic() - begun
    return report


class _Whole:
    """One verification."""

    def __init__(
        self, target: Target, source: Source, options: Options, workers: processes.Workers | None
    ) -> None:
        self.target = target
        self.source = source
        self.options = options
        self.workers = workers
        self.now = time_ns() // 1000
        self.report = Report(keys=tuple(key.text for key in options.keys), allowed=options.allowed)

    def run(self) -> Report:
        """Verify."""
        report, options = self.report, self.options
        with self.source.snapshot():
            origin = standing.origin(self.source, options.keys, report)
            self.end = ends.leaves(self.source)
        trust = Trust(origin, options.keys, self.target.dialect)
        notes = (*options.notes, *filter(None, [options.since]))
        published = [*notes, *options.near]
        known = outside.gather(published, origin, options.keys)
        report.add(known.findings)
        report.add(outside.others(published, origin, options.keys, pinned=options.pinned))
        start = self._start(trust, known)
        sequence = Sequence(start, self.target.dialect)
        sizes = tuple(one for one in known.published if one.size > start.size)
        beside = Beside(self.target, start.high)
        given = self._stretches(start, sizes, beside.through)
        made = (
            self.workers.verify(self.source, given, trust)
            if self.workers is not None
            else processes.one_by_one(self.source, given, trust)
        )
        for one in made:
            sequence.take(one, report)
            if options.told is not None:
                options.told(one.after.size - one.base.size)
        with self.source.snapshot():
            ends.verify(self.source, sequence, known, report, self.now, options.lag_s, beside.through)
            standing.check(self.source, self.target, report, beside.found(self.source, sequence.kinds))
        self._anchor(outside.sizes(notes, known), bool(known.published), sequence.after.size)
        return report

    def _start(self, trust: Trust, known: Outside) -> Base:
        """Return the tree of the checkpoint that is begun with."""
        if self.options.since is None:
            return Base()
        said = _believed(self.options.since, trust)
        with self.source.snapshot():
            found = ends.base_at(self.source, said.size)
        if found is not None and Frontier(found.size, found.frontier).root() == said.root:
            left = gaps.encode(found.gaps or ())
            if said.state in (None, gaps.state(found.high, left)):
                return found
            text = f"high and gaps of the seal of {said.size} leaves were changed; all is verified"
            self.report.add([Finding("seal altered", text, fields=("gaps", "high"), leaf=said.size)])
            return Base()
        if said.size <= self.end:
            text = (
                f"the tree of {said.size} leaves is not that of the checkpoint to begin with; all is verified"
            )
            self.report.add([Finding("forked", text, leaf=said.size)])
        return Base()

    def _stretches(self, start: Base, published: tuple[Published, ...], through: int) -> Iterator[Stretch]:
        """Yield what is to be verified, read as it is needed: a list of all seals may be long."""
        at, base = start.size, start if start.size else Base()
        first = True
        while True:
            with self.source.snapshot():
                some = self.source.outlines(at, _SEALS)
            if not some:
                return
            begins = [one.first_leaf for one in some]
            if begins[0] < at or not all(
                map(lt, begins, begins[1:])
            ):  # which SQLite's file can have: no way to go by
                sizes = tuple(one for one in published if at < one.size)
                yield Stretch(at, _END, base if first else None, sizes, self.now, through)
                return
            leaves, count = 0, 0
            for outline in some:
                leaves += max(outline.leaves, 0) if isinstance(outline.leaves, int) else 0
                count += 1
                if leaves >= _LEAVES:
                    break
            end = some[count].first_leaf if count < len(some) else some[count - 1].first_leaf + 1
            # A stretch of an altered seal may end anywhere: it gets all checkpoints from its beginning on.
            upto = end if count < len(some) else self.end
            sizes = tuple(one for one in published if at < one.size <= max(upto, at + leaves))
            yield Stretch(at, end, base if first else None, sizes, self.now, through)
            at, first = end, False

    def _anchor(self, believed: list[int], beside: bool, size: int) -> None:
        """Say how far the log is under checkpoints from outside."""
        report = self.report
        report.leaves = size
        if believed:
            report.anchored = max((one for one in believed if one <= size), default=0)
            left = size - report.anchored
            text = f"{left} sealed entries are under no checkpoint from outside yet" if left else ""
        elif beside:
            text = "its checkpoints lie beside the database: who can write both could have made all of it"
        else:
            text = "no checkpoint from outside to hold it against: who can write the database could have made all of it"
        if not self.options.keys:
            text = "no key to hold signatures against" + (f"; {text}" if text else "")
        if text:
            report.add([Finding("not anchored", text)])


def _believed(text: str, trust: Trust) -> Checkpoint:
    """Return the checkpoint that is begun with.

    Raises:
        NoteError: It is of another log, or not signed by a known key.
    """
    said = checkpoint.parse(note.verify(text, trust.keys) if trust.keys else note.parse(text))
    if said.origin != trust.origin:
        raise note.Malformed(f"a checkpoint of another log, {said.origin[:80]!r}; this one is {trust.origin}")
    return said
