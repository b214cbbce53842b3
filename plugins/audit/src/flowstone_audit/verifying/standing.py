"""What stands beside entries and seals: the log's name, its guards, and what permits erasure and pruning."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from flowstone_audit import checkpoint, guards, note
from flowstone_audit.details import text as redacted
from flowstone_audit.errors import SchemaMismatch
from flowstone_audit.keys import VerifierKey
from flowstone_audit.verifying.beside import Found
from flowstone_audit.verifying.opened import Target
from flowstone_audit.verifying.pruned import records
from flowstone_audit.verifying.report import Finding, Report
from flowstone_audit.verifying.source import TABLE, Source
from flowstone_audit.verifying.target import engine_of

_SEQUENCE = f"{TABLE}.seq"
LOG_ID = "SELECT value FROM flowstone_audit_meta WHERE key = 'log_id'"
FIRST_NOTE = "SELECT note FROM flowstone_audit_seal ORDER BY first_leaf LIMIT 1"
_ERASED = f"""
    SELECT min(l.seq) FROM flowstone_audit_erasure AS e JOIN {TABLE} AS l ON l.id = e.entry_id
    WHERE l.commitment IS NOT NULL AND l.nonce IS NULL AND e.request = '{{}}'
"""  # noqa: S608
_ERASED_ONE = f"""
    SELECT e.request FROM flowstone_audit_erasure AS e JOIN {TABLE} AS l ON l.id = e.entry_id
    WHERE l.commitment IS NOT NULL AND l.nonce IS NULL AND l.seq = {{}}
"""  # noqa: S608
_TOLD_PRIVATELY = f"SELECT private FROM {TABLE} WHERE event_type = 'audit.erased' AND private IS NOT NULL"  # noqa: S608
_FLOORS = (
    "SELECT archive_digest FROM flowstone_audit_floor WHERE archive_digest IS NOT NULL ORDER BY through_seq"
)
_GUARD = {
    "absent": "is gone",
    "altered": "was altered",
    "disabled": "was switched off",
    "unknown": "is not ours, and could keep entries from being written or seen",
}


def origin(source: Source, keys: tuple[VerifierKey, ...], report: Report) -> str:
    """Return the log's name, by the seals where the database's own word for it was changed.

    Raises:
        SchemaMismatch: There is none.
    """
    log_id = source.value(LOG_ID)
    first = source.value(FIRST_NOTE)
    said = f"flowstone/audit/{log_id}"
    sealed = origin_of(first)
    if sealed is not None and sealed != said and any(key.name == sealed for key in keys):
        text = f"the log's id was changed: its checkpoints are of {sealed}, the database says {said}"
        report.add([Finding("modified", text, fields=("log_id",))])
        return sealed
    if log_id is None:
        raise SchemaMismatch("the audit log has no log_id; see: flowstone audit migrate")
    return said


def origin_of(text: Any) -> str | None:
    """Return the log's name in a checkpoint, which need not be signed; None where it is none."""
    try:
        return checkpoint.parse(note.parse(text)).origin
    except (ValueError, TypeError, AttributeError):
        return None


def check(source: Source, target: Target, report: Report, found: Found) -> None:
    """Look at guards, and at what stands on no record; take in what was found beside."""
    report.add(found.twice)
    report.add(found.outlaws)
    _guards(source, target, report)
    report.add(found.indexes)
    if report.pruned:
        _floor(source, report)
    if report.erased:
        _erasures(source, report)


def _guards(source: Source, target: Target, report: Report) -> None:
    engine = engine_of(target)
    try:
        with engine.connect() as connection:
            found = guards.findings(connection)
    except (SQLAlchemyError, UnicodeDecodeError) as error:
        text = f"the guards cannot be looked at: {str(error).splitlines()[0]}"
        report.add([Finding("guards missing", text)])
        return
    finally:
        engine.dispose()
    for one in found:
        if one.name == _SEQUENCE and one.what == "altered" and _cut(source, report):
            continue
        report.add([Finding("guards missing", f"{one.name} {_GUARD[one.what]}", fields=(one.name,))])


def _cut(source: Source, report: Report) -> bool:
    """Tell of entries at the end that had numbers and are gone; False where it is not that."""
    given = source.value(f"SELECT max(seq) FROM sqlite_sequence WHERE name = '{TABLE}'")  # noqa: S608
    greatest = int(source.value(f"SELECT max(seq) FROM {TABLE}") or 0)  # noqa: S608
    if not isinstance(given, int) or given <= greatest:
        return False
    told = max((one.last or 0 for one in report.findings if one.kind == "truncated"), default=greatest)
    if given > told:
        text = f"entries {told + 1} to {given} were deleted before they were sealed"
        report.add([Finding("deleted", text, told + 1, given)])
    return True


def check_one(source: Source, seq: int, report: Report) -> None:
    """Look at what permits that one entry was erased or pruned."""
    if report.pruned:
        _floor(source, report)
    if source.value(_ERASED_ONE.format(seq)) is not None:
        _erasures(source, report, seq)


def _texts(told: Iterable[dict[str, Any]], name: str) -> set[str]:
    """Return the texts that details say under a name; who may write entries may say anything there."""
    found = (one.get(name) for one in told)
    return {one for one in found if isinstance(one, str)}


def _floor(source: Source, report: Report) -> None:
    """Entries may be pruned when it stands on record which archive has them."""
    recorded = _texts(records(source, "audit.pruned"), "sha256")
    digests = [one.hex() if isinstance(one, bytes) else "" for one in source.values(_FLOORS)]
    if digests and digests[-1] not in recorded:
        text = f"{report.pruned} entries were deleted below a floor that no entry audit.pruned tells of"
        report.add([Finding("deleted", text)])


def _erasures(source: Source, report: Report, only: int | None = None) -> None:
    """Entries may be erased when it stands on record who asked for it."""
    recorded = _requests(source)
    asked = (
        "SELECT DISTINCT request FROM flowstone_audit_erasure" if only is None else _ERASED_ONE.format(only)
    )
    for request in source.values(asked):
        if request in recorded or redacted(str(request)) in recorded:
            continue
        seq = only or source.value(_ERASED.format(str(request).replace("'", "''")))
        if seq is not None:
            which = f"entry {seq} was" if only else f"entry {seq} and others were"
            text = f"{which} erased, and no entry audit.erased tells of the request {request!r}"
            report.add(
                [Finding("modified", text, int(seq), fields=("client_ip", "user_agent", "private", "nonce"))]
            )


def _requests(source: Source) -> set[str]:
    """Return the requests that are on record.

    Before they were redacted in both places, they were in the entry alone, and could be held privately there.
    """
    return _texts((*records(source, "audit.erased"), *_private(source)), "request")


def _private(source: Source) -> Iterator[dict[str, Any]]:
    for held in source.values(_TOLD_PRIVATELY):
        with suppress(ValueError, TypeError, RecursionError):
            made = json.loads(held)
            if isinstance(made, dict):
                yield made
