"""The audit log, against the raw driver on a naive schema in the same run."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rows import Report, Row

if TYPE_CHECKING:
    from benchmarks.audits.places import Place

LARGE = 1_000_000
DEPTH = 50_000
_NAIVE = (
    "Raw: the driver itself on the schema one writes first (uuid4 as text for keys and correlation, four query "
    "indexes, no guards, no hashes), synchronous commits, in the same file system and server. Both by turns, "
    "the ratio of a round's medians: their time / ours."
)
_WHAT = (
    "log(): the whole call, redaction, row hash, guards, commit and the event audit.logged. Batches: rows made and "
    "hashed, one transaction. Processes: rows a second of {writers} together, one row a commit, a sealer each second "
    "beside them or none. The way into SQL: CPU of reading the spool, rows, hashes, indexes and guards, "
    "for the two events of a materialization, in SQLite."
)


def run(quick: bool) -> Report:
    """Measure the audit log."""
    try:
        import flowstone_audit  # noqa: F401
    except ImportError:
        return Report(notes=("flowstone-audit is not installed: pip install -e plugins/audit",))
    from benchmarks.audits import places, processes, reading, writing

    rows: list[Row] = []
    with places.places(Path(os.environ["FLOWSTONE_HOME"])) as (found, missing):
        for place in found:
            _told(place.name)
            rows += writing.rows(place, quick)
            rows.append(processes.seal_lag(place, quick))
            rows += reading.verifying(place, quick)
            rows.append(processes.with_sealer(place, quick))
            _told(f"{place.name}, queries")
            rows += _queries(place, quick)
        _told("the way into SQL")
        rows.append(writing.way_into_sql(found[0], quick))
        report = Report(rows=tuple(rows), notes=(_NAIVE, _WHAT.format(writers=processes.WRITERS), *missing))
        return report.because(lambda: writing.explained(found[0]))


def _queries(place: Place, quick: bool) -> list[Row]:
    """Measure queries: in a full run in a large log, kept from one run to the next where it is a file."""
    from benchmarks.audits import filling, places, reading

    if quick:
        return reading.asked(place, depth=15_000, entries=0)
    large = place
    if place.name == "SQLite":
        large = places.large(place, reading.cached(Path(tempfile.gettempdir())))
    filling.fill(large.use(), LARGE, _progress(LARGE))
    return reading.asked(large, depth=DEPTH, entries=LARGE)


def _progress(entries: int) -> Callable[[int], None]:
    return lambda made: _told(f"{made:,} of {entries:,} rows", end="\r")


def _told(text: str, end: str = "\n") -> None:
    print(f"  {text:60}", end=end, file=sys.stderr, flush=True)
