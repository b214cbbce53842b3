"""What is asked of a verification, put together with the settings, and answered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowstone.plugin import count, emit
from flowstone_audit import checkpoint, config, depth, file_anchor, ingest, note, signing, verified
from flowstone_audit.config import Config
from flowstone_audit.depth import TAMPERED
from flowstone_audit.errors import NotFound, SchemaMismatch, Unavailable
from flowstone_audit.events import AuditTampered
from flowstone_audit.keys import KeyUnusable, VerifierKey
from flowstone_audit.verifying import ends, files, outside, proofs, single, standing, versioned, whole
from flowstone_audit.verifying.opened import Target, open_source
from flowstone_audit.verifying.report import Finding, Report
from flowstone_audit.verifying.target import target_of
from flowstone_audit.verifying.whole import Options

_CATCH_UP_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be verified, and against what.

    Attributes:
        anchors: Files of checkpoints that were published outside; of the file anchor, if none is given.
        keys: Verifier keys, or files of them; those of this home, if none is given.
        since: A checkpoint, or a file whose last one counts: what was before it is taken to be verified.
        entry: Only this entry: an id, the beginning of one, or a number.
        archive: Only this file, without a database.
        proof: Only the proof of an entry in this file, without a database.
        jobs: Processes.
        lag_s: Seconds that an entry may wait for its seal.
        allowed: Kinds of findings that raise no alarm.
    """

    anchors: tuple[Path, ...] = ()
    keys: tuple[str, ...] = ()
    since: str | None = None
    entry: str | None = None
    archive: Path | None = None
    proof: Path | None = None
    jobs: int = 1
    lag_s: float = 60.0
    allowed: frozenset[str] = frozenset()


def size(asked: Question) -> int | None:
    """Return how many leaves there are to verify; None where that is not known beforehand."""
    if asked.archive is not None or asked.proof is not None or asked.entry is not None:
        return None
    with suppress(Unavailable, SchemaMismatch, ValueError):
        source = open_source(_target(config.load()))
        try:
            with source.snapshot():
                return ends.leaves(source)
        finally:
            source.close()
    return None


def answer(asked: Question, told: Callable[[int], object] | None = None) -> Report:
    """Verify; an alarm is counted, and emitted as the event ``audit.tampered`` too.

    Args:
        asked: What.
        told: Called with the number of leaves that were verified, now and then.

    Raises:
        AuditError: It cannot be verified: no database, key, checkpoint or entry of that name.
        OSError: A file cannot be read.
        ValueError: A setting is malformed.
        Damaged: The database is none.
    """
    settings = config.load()
    given = tuple(outside.key_of(text) for text in asked.keys)
    if asked.archive is not None:
        origin = files.origin(asked.archive)
        report = files.verify(
            asked.archive,
            given or signing.own(settings.key, origin),
            _published(asked, settings)[0],
            told,
        )
    elif asked.proof is not None:
        found = proofs.read(asked.proof)
        origin = checkpoint.parse(note.parse(found.note)).origin
        report = proofs.verify(
            found, given or signing.own(settings.key, origin), _published(asked, settings)[0]
        )
    else:
        report = _judged(asked, settings, given, told)
    if report.alarms:
        first = report.first
        assert first is not None
        count(f"{TAMPERED}{first.kind}")
        emit(AuditTampered, verdict=first.kind, seq=first.seq, message=first.message)
    return report


def _judged(
    asked: Question, settings: Config, given: tuple[VerifierKey, ...], told: Callable[[int], object] | None
) -> Report:
    """Verify a database.

    Raises:
        SchemaMismatch: Its tables are of another version, and nothing else is wrong; or there are none.
    """
    try:
        report = _of_database(asked, settings, given, told)
    except SchemaMismatch as error:
        if why := versioned.hinders(_target(settings), None):
            raise SchemaMismatch(why) from error
        return _gone(asked, settings, error, given)
    if why := versioned.hinders(_target(settings), report):
        raise SchemaMismatch(why)
    return report


def _of_database(
    asked: Question, settings: Config, given: tuple[VerifierKey, ...], told: Callable[[int], object] | None
) -> Report:
    target = _target(settings)
    origin = _origin(target)
    keys = given or signing.own(settings.key, origin)
    if given and all(key.name != origin for key in given):
        error = KeyUnusable(f"the key is of {given[0].name}; this log is {origin}")
        return _gone(asked, settings, error, given)
    notes, near = _published(asked, settings)
    options = Options(
        notes=notes,
        near=near,
        keys=keys,
        since=_since(asked.since),
        jobs=asked.jobs,
        lag_s=asked.lag_s,
        allowed=asked.allowed,
        pinned=bool(given),
        told=told,
    )
    trouble = _catch_up()
    if asked.entry is not None:
        return single.verify(target, asked.entry, options)
    report = whole.verify(target, options)
    report.add(_waiting(settings, trouble, asked.lag_s))
    if asked.since is None and not report.alarms:
        verified.note(settings)
    return report


def _gone(
    asked: Question, settings: Config, error: SchemaMismatch | KeyUnusable, given: tuple[VerifierKey, ...]
) -> Report:
    """Tell of a log that was published and is not there: somebody dropped its tables, or it is another database.

    Raises:
        SchemaMismatch: There are no tables, and it was not published.
        KeyUnusable: The key is of another log, and that was not published.
    """
    notes = list(_notes(asked))
    if not notes and settings.anchor_file is not None and settings.anchor_file.exists():
        notes = outside.notes_of(settings.anchor_file)
    names = {key.name for key in given}
    known = [outside.gather(notes, name, given) for name in names]
    size = max((one.size for each in known for one in each.published), default=0)
    if not given:
        size = max((outside.size_of(one) for one in notes), default=0)
    if not size:
        raise error
    report = Report(allowed=asked.allowed)
    report.add([Finding("rolled back", f"{error}; a log of {size} sealed entries was published", leaf=0)])
    return report


def _target(settings: Config) -> Target:
    if settings.url is None:
        raise Unavailable("the audit log is switched off (FLOWSTONE_AUDIT_URL=off)")
    return target_of(settings.url)


def _origin(target: Target) -> str:
    """Return the log's name, as its seals have it or the database says."""
    source = open_source(target)
    try:
        with source.snapshot():
            return standing.origin_of(source.value(standing.FIRST_NOTE)) or checkpoint.origin(
                str(source.value(standing.LOG_ID))
            )
    finally:
        source.close()


def _notes(asked: Question) -> tuple[str, ...]:
    found = [one for path in asked.anchors for one in outside.notes_of(path)]
    if asked.anchors and not found:
        raise NotFound(f"there is no checkpoint in {', '.join(map(str, asked.anchors))}")
    return tuple(found)


def _published(asked: Question, settings: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the checkpoints from outside, and those of a file beside the key; of the file anchor, if none is given."""
    notes, file = _notes(asked), settings.anchor_file
    if asked.anchors or file is None or not file.exists():
        return notes, ()
    found = tuple(outside.notes_of(file))
    beside = file.resolve().is_relative_to(settings.folder.parent.resolve())
    return ((), found) if beside else (found, ())


def _since(text: str | None) -> str | None:
    if text is None or "\n" in text:
        return text
    found = file_anchor.read(Path(text)) if Path(text).is_file() else []
    if not found:
        raise NotFound(f"there is no checkpoint in {text}")
    return found[-1]


def _catch_up() -> str:
    """Take in what waits in spools, where that can be, and return why not; a read-only database is verified as it is."""
    try:
        ingest.catch_up(_CATCH_UP_S)
    except ingest.TROUBLE as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return ""


def _waiting(settings: Config, trouble: str, lag_s: float) -> list[Finding]:
    """Tell of entries that are not in the log, and may be kept out of it."""
    waits = depth.look(settings)
    if not waits.entries or (not trouble and waits.age <= lag_s):
        return []
    text = f"{waits.entries} entries wait in the spool and are not in the log"
    return [Finding("unsealed", f"{text}: {trouble}" if trouble else text)]
