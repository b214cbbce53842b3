"""One entry, verified with the seal that it is in."""

from __future__ import annotations

from time import monotonic, time_ns
from typing import Any

from flowstone_audit import checkpoint, lookup, note, proof
from flowstone_audit.errors import NotFound
from flowstone_audit.proof import NotProven
from flowstone_audit.verifying import ends, outside, sequence, standing, stretch
from flowstone_audit.verifying.opened import Target, open_source
from flowstone_audit.verifying.pieces import Stretch, Verified, base_of
from flowstone_audit.verifying.report import Finding, Report
from flowstone_audit.verifying.sealcheck import Trust
from flowstone_audit.verifying.source import TABLE, SealRow, Source
from flowstone_audit.verifying.target import engine_of
from flowstone_audit.verifying.whole import Options


def verify(target: Target, text: str, options: Options) -> Report:
    """Verify an entry: its content, its seal, and that published checkpoints have grown from that seal.

    Args:
        target: The database.
        text: Its id, the beginning of that, or its number.
        options: Keys and checkpoints.

    Raises:
        NotFound: There is none, or several ids begin like that.
        Unavailable: The database cannot be read.
    """
    begun = monotonic()
    report = Report(keys=tuple(key.text for key in options.keys), allowed=options.allowed)
    seq = _number(text)
    source = open_source(target)
    try:
        with source.snapshot():
            origin = standing.origin(source, options.keys, report)
        _verify(source, target, seq, Trust(origin, options.keys, target.dialect), options, report)
    finally:
        source.close()
    report.seconds = monotonic() - begun
    return report


def _number(text: str) -> int:
    """Return the number of an entry: only the number is asked of who may be the one that changed it."""
    bare = text.strip().lstrip("#")
    if bare.isdecimal() and len(bare) < 19:
        return int(bare)
    found = lookup.like(text)
    if len(found) != 1 or found[0].seq is None:
        raise NotFound(
            f"{text} is the beginning of {len(found)} ids" if len(found) > 1 else f"{text} waits in the spool"
        )
    return found[0].seq


def _verify(source: Source, target: Target, seq: int, trust: Trust, options: Options, report: Report) -> None:
    engine = engine_of(target)
    try:
        with engine.connect() as connection:
            leaf = proof.leaf_of(connection, seq)
            row = before = None
            if leaf is not None:
                with source.snapshot():
                    row = source.seal_before(leaf + 1)
                    # The seal before as well: it says which numbers might still come.
                    before = source.seal_before(row.first_leaf) if row is not None else None
            if row is None:
                _unsealed(source, seq, report)
                return
            begin = row.first_leaf if before is None else before.first_leaf
            given = Stretch(begin, row.first_leaf + 1, None, (), time_ns() // 1000)
            made = stretch.verify(source, given, trust)
            # What is wrong with the seal is wrong with its entries; other entries are not asked for.
            report.add(
                one for one in made.findings if one.seq is None or one.seq <= seq <= (one.last or one.seq)
            )
            if seq in made.uninvited:
                with source.snapshot():
                    report.add([sequence.late(seq, _given_up(source, row), trust.dialect)])
            gone = any(first <= seq <= last for first, last in made.missing)
            report.pruned = sum(one.first <= seq <= one.last for one in made.pruned)
            if report.pruned and _is_chosen(source, connection, made, seq, leaf):
                report.pruned, gone = 0, True
            report.add(
                [Finding("deleted", f"entry {seq} was deleted after being sealed", seq, seq)] if gone else []
            )
            with source.snapshot():
                standing.check_one(source, seq, report)
            report.entries = 0 if gone or report.pruned else 1
            report.leaves = row.first_leaf + row.leaves
            _anchor(connection, row, trust, options, report)
    finally:
        engine.dispose()


def _is_chosen(source: Source, connection: Any, made: Verified, seq: int, leaf: int | None) -> bool:
    """Tell whether an entry stands before a pruned one, which a prune would have taken as well."""
    through = next(one.through for one in made.pruned if one.first <= seq <= one.last)
    with source.snapshot():
        stayed = source.value(f"SELECT min(seq) FROM {TABLE} WHERE seq <= {through}")  # noqa: S608
    before = proof.leaf_of(connection, int(stayed)) if stayed is not None else None
    return before is not None and leaf is not None and before < leaf


def _given_up(source: Source, row: SealRow) -> int:
    """Return the greatest number that the seals before gave up because there were too many gaps."""
    return max((base_of(one).given_up for one in source.seals(0, row.first_leaf)), default=0)


def _unsealed(source: Source, seq: int, report: Report) -> None:
    """Verify an entry that no seal has by its own hash."""
    with source.snapshot():
        if not source.contents_of([seq]):
            raise NotFound(f"there is no entry {seq}, and no seal of one")
        report.add(ends.alone(source, seq))
        standing.check_one(source, seq, report)
    report.entries = report.unsealed = 1
    report.add([Finding("unsealed", f"entry {seq} is not sealed yet; see: flowstone audit seal", seq)])


def _anchor(connection: Any, row: SealRow, trust: Trust, options: Options, report: Report) -> None:
    """Prove that a checkpoint from outside has grown from the entry's seal."""
    known = outside.gather(options.notes, trust.origin, options.keys)
    report.add(known.findings)
    published = (*options.notes, *options.near)
    report.add(outside.others(published, trust.origin, options.keys, pinned=options.pinned))
    behind = [one for one in known.published if one.size >= report.leaves]
    if not behind:
        text = "no checkpoint from outside is as large as the entry's seal"
        report.add([Finding("not anchored", text)])
        return
    try:
        ours = checkpoint.parse(note.parse(row.note))
        theirs = checkpoint.Checkpoint(trust.origin, behind[0].size, behind[0].root)
        proof.of_growth(connection, ours, theirs)
        report.anchored = report.leaves
    except (NotProven, ValueError) as error:
        text = (
            f"a checkpoint of {behind[0].size} leaves was published that this log does not lead to: {error}"
        )
        report.add([Finding("forked", text, leaf=behind[0].size)])
