"""Entries dated before those before them: by a clock that was corrected, or by somebody who dates back.

The sealer signs when it sealed, by its own clock. Where it sealed before the date of an entry that was there
already, that one was dated ahead. Else the entries behind are asked: who dates one entry back cannot keep the
next ones from being dated right, so that dates jump where no time has passed between their seals.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from flowstone_audit import checkpoint, note
from flowstone_audit.verifying.dates import SKEW_US
from flowstone_audit.verifying.report import Finding
from flowstone_audit.verifying.source import Source

_LAST: Final = (1 << 63) - 1
_LOOKED_AT: Final = 20


class _Behind(NamedTuple):
    """Entries that go on from a date that was set back: how many, and the first that is dated as before."""

    entries: int
    caught_up: tuple[int, int] | None


def told(source: Source, back: list[tuple[int, int]], stepped: int, now: int) -> list[Finding]:
    """Return what is to be said of entries dated before those before them.

    Args:
        source: To read with, in a snapshot.
        back: Numbers, and microseconds.
        stepped: Microseconds by which the sealer's clock was set back, at most.
        now: Unix microseconds.
    """
    found = []
    for at, (seq, by) in enumerate(back):
        text = f"entry {seq} is dated {by / 1e6:.0f} s before one that was there already"
        if stepped and stepped >= by - SKEW_US:
            found.append(Finding("clock skew", f"{text}; the sealer's clock was set back as well", seq))
            continue
        found.append(
            _of(source, seq, by, text, now)
            if at < _LOOKED_AT
            else Finding("back-dated", text, seq, fields=("inserted_at",))
        )
    return found


def _of(source: Source, seq: int, by: int, text: str, now: int) -> Finding:
    moments = [row[1] for row in source.contents_of([seq])]
    dated = moments[0] if moments and isinstance(moments[0], int) else 0
    sealed = _sealed(source, seq, now)
    if sealed < dated + by - SKEW_US:
        return Finding("clock skew", f"{text}; those before were dated ahead of the sealer's clock", seq)
    behind = _behind(source, seq, dated + by - SKEW_US)
    if behind.caught_up is not None:
        after, moment = behind.caught_up
        leapt = (moment - dated) - (_sealed(source, after, now) - sealed)
        went_on = leapt <= by // 2
    else:
        went_on = behind.entries > 1
    if went_on:
        return Finding("clock corrected", f"{text}; those behind it go on from there", seq)
    return Finding("back-dated", text, seq, fields=("inserted_at",))


def _behind(source: Source, seq: int, latest: int) -> _Behind:
    entries = 0
    for some in source.contents(seq - 1, _LAST):
        for row in some:
            if isinstance(row[1], int) and row[1] >= latest:
                return _Behind(entries, (row[0], row[1]))
            entries += 1
    return _Behind(entries, None)


def _sealed(source: Source, seq: int, now: int) -> int:
    """Return when an entry was sealed, by the sealer's clock; *now* where it was not."""
    asked = f"SELECT note FROM flowstone_audit_seal WHERE high >= {seq} ORDER BY first_leaf LIMIT 1"  # noqa: S608
    signed = source.value(asked)
    try:
        return now if signed is None else checkpoint.parse(note.parse(signed)).time or now
    except (ValueError, TypeError, AttributeError):  # the seal's own finding
        return now
