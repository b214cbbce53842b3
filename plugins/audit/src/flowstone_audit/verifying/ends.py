"""The end of a log: what is not sealed, what should be there, and what was published and is not there."""

from __future__ import annotations

from decimal import Decimal

from flowstone_audit import gaps
from flowstone_audit.columns import to_datetime
from flowstone_audit.tree.frontier import Frontier
from flowstone_audit.verifying import clocks, telling
from flowstone_audit.verifying.entries import Compared, check_alone, runs
from flowstone_audit.verifying.outside import Outside
from flowstone_audit.verifying.pieces import base_of
from flowstone_audit.verifying.report import Finding, Report
from flowstone_audit.verifying.sealcheck import Base
from flowstone_audit.verifying.sequence import Sequence
from flowstone_audit.verifying.source import TABLE, Damaged, Source, permitted
from flowstone_audit.verifying.stretch import skipped

_LAST = (1 << 63) - 1
_TOLD = 200


def leaves(source: Source) -> int:
    """Return how many leaves the seals say there are."""
    found = source.value("SELECT max(CAST(first_leaf AS numeric) + leaves) FROM flowstone_audit_seal")
    return int(found) if isinstance(found, int | Decimal) else 0  # an altered seal may have anything there


def base_at(source: Source, size: int) -> Base | None:
    """Return the tree of *size* leaves, if a seal ends there."""
    found = base_of(source.seal_before(size))
    return found if found.size == size else None


def verify(
    source: Source,
    sequence: Sequence,
    known: Outside,
    report: Report,
    now: int,
    lag_s: float,
    through: int,
) -> None:
    """Verify what no stretch could.

    Args:
        source: To read with, in a snapshot.
        sequence: All stretches.
        known: Checkpoints from outside.
        report: Where findings go.
        now: Unix microseconds.
        lag_s: Seconds that an entry may wait for its seal.
        through: Up to which number kinds are counted, in *sequence*.
    """
    high = sequence.after.high
    greatest = int(source.value(f"SELECT max(seq) FROM {TABLE}") or 0)  # noqa: S608
    _gone(source, sequence, greatest, report)
    tail = _tail(source, high, through, report)
    sequence.kinds.update(tail.kinds)
    if source.dialect == "sqlite":
        report.add(skipped(tail.holes))
    waiting = sorted(gaps.within(sequence.after.gaps or (), sequence.loose))
    loose = sorted(sequence.loose.difference(waiting))
    report.add(
        Finding("inserted late", f"entry {seq} was put in later, among entries that were sealed already", seq)
        for seq in loose
    )
    _alone(source, [*tail.bad, *_differing(source, waiting)], report)
    report.unsealed = tail.entries + len(waiting)
    _beyond(source, sequence, known, report)
    _waiting(source, sequence, tail, waiting, report, now, lag_s)
    sequence.dates.follow(tail.dates)
    _dated(source, sequence, report, now)


def _tail(source: Source, high: int, through: int, report: Report) -> Compared:
    """Hold what is behind the last seal against its own hashes.

    Raises:
        Damaged: SQLite cannot read it.
    """
    try:
        return check_alone(source, high, _LAST, through)
    except Damaged as error:
        if error.seq is None:
            raise
        report.add([Finding("damaged", str(error), error.seq)])
        return Compared()


def _gone(source: Source, sequence: Sequence, greatest: int, report: Report) -> None:
    """Tell of sealed entries that are gone: at the end, or before others."""
    cut = [(first, last) for first, last in sequence.missing if first > greatest]
    for first, last in sequence.missing:
        if first > greatest:
            continue
        which = f"entry {first} was" if first == last else f"entries {first} to {last} were"
        report.add([Finding("deleted", f"{which} deleted after being sealed", first, last)])
    if cut:
        first, last = cut[0][0], cut[-1][1]
        left = f"the last one left is {greatest}" if greatest else "none is left"
        text = f"the log was cut off: entries {first} to {last} are gone, {left}"
        report.add([Finding("truncated", text, first, last)])


def _differing(source: Source, seqs: list[int]) -> list[int]:
    bad: list[int] = []
    for first, last in runs(seqs):
        bad += check_alone(source, first - 1, last).bad
    return bad


def _alone(source: Source, bad: list[int], report: Report) -> None:
    """Find out what was done to entries that have no leaf."""
    if not bad:
        return
    looked = bad[:_TOLD]
    near = sorted({seq + by for seq in looked[:20] for by in range(-8, 9)} | set(looked))
    stored = {one.seq: one for one in source.rows_of(near)}
    allowed = permitted(source, looked)
    report.add(telling.astray(seq) for seq in looked if seq not in stored)
    for seq in filter(stored.__contains__, looked):
        others = [one for one in stored.values() if one.seq != seq]
        report.add(telling.of_unsealed(stored[seq], others, permitted=seq in allowed))
    report.add(Finding("modified", f"entry {seq} was changed", seq) for seq in bad[_TOLD:])


def alone(source: Source, seq: int) -> list[Finding]:
    """Return what was done to one entry that no seal has."""
    stored = {one.seq: one for one in source.rows_of(range(max(seq - 8, 1), seq + 9))}
    others = [one for one in stored.values() if one.seq != seq]
    return telling.of_unsealed(stored[seq], others, permitted=bool(permitted(source, [seq])))


def _beyond(source: Source, sequence: Sequence, known: Outside, report: Report) -> None:
    """Tell of checkpoints from outside that are of more leaves than there are."""
    size = sequence.after.size
    beyond = [one for one in known.published if one.size > size]
    if not beyond:
        return
    grown = Frontier(size, sequence.after.frontier)
    made: list[bytes] = []
    wanted = beyond[-1].size - size
    for some in source.contents(sequence.after.high, _LAST):
        for one in source.rows_of([row[0] for row in some[: wanted - len(made)]]):
            leaf = telling.leaf_of(telling.content_hash(one.row), one.seq, one.inserted_at)
            made.append(leaf or b"\0" * 32)
        if len(made) >= wanted:
            break
    grown.extend(made)
    last = beyond[-1]
    if grown.size == last.size and grown.root() == last.root:
        text = (
            f"the seals of leaf {size} to {last.size - 1} are gone; their entries are as they were published"
        )
        report.add([Finding("seal altered", text, leaf=size, fields=("leaves",))])
        return
    when = (
        f", published {to_datetime(known.times[last.size]):%Y-%m-%d %H:%M:%S} UTC"
        if last.size in known.times
        else ""
    )
    text = f"the log has {size} sealed entries, and had {last.size}{when}: it was rolled back"
    report.add([Finding("rolled back", text, leaf=size)])


def _waiting(
    source: Source,
    sequence: Sequence,
    tail: Compared,
    waiting: list[int],
    report: Report,
    now: int,
    lag_s: float,
) -> None:
    """Tell of entries that wait too long for their seal, and of numbers that nobody has."""
    if not report.unsealed:
        return
    moments = [tail.dates.opening[1]] if tail.dates.opening is not None else []
    moments += [row[1] for row in source.contents_of(waiting[:1])] if waiting else []
    oldest = min((one for one in moments if isinstance(one, int)), default=now)
    if now - oldest > lag_s * 1_000_000:
        text = f"{report.unsealed} entries are not sealed, the oldest for {(now - oldest) / 1e6:.0f} s; see: flowstone audit seal"
        report.add(
            [Finding("unsealed", text, tail.dates.opening[0] if tail.dates.opening is not None else None)]
        )


def _dated(source: Source, sequence: Sequence, report: Report, now: int) -> None:
    """Tell of entries that are dated before those before them."""
    for seq, by in sequence.dates.ahead:
        text = f"entry {seq} is dated {by / 1e6:.0f} s after one that came later"
        report.add([Finding("clock skew", text, seq)])
    report.add(clocks.told(source, sequence.dates.back, sequence.stepped, now))
