"""Archives and evidence, verified without a database."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from zipfile import BadZipFile, ZipFile, is_zipfile

from flowstone_audit import archive_check, checkpoint, note, standalone
from flowstone_audit.archive_form import ArchiveBroken, read_header
from flowstone_audit.checkpoint import Checkpoint
from flowstone_audit.errors import NotFound
from flowstone_audit.keys import VerifierKey
from flowstone_audit.verifying import outside
from flowstone_audit.verifying.report import Finding, Report


def origin(path: Path) -> str:
    """Return the name of the log that a file says it is of.

    Raises:
        NotFound: It is neither an archive nor evidence.
    """
    return _said(path)[0].origin


def verify(
    path: Path,
    keys: tuple[VerifierKey, ...],
    notes: tuple[str, ...] = (),
    told: Callable[[int], object] | None = None,
) -> Report:
    """Verify an archive, or evidence.

    Args:
        path: The file.
        keys: Keys of the log, from elsewhere than the file.
        notes: Checkpoints that were published outside.
        told: Called with the number of leaves that were read, now and then.

    Raises:
        NotFound: It is neither.
        OSError: It cannot be read.
    """
    begun = monotonic()
    report = Report(keys=tuple(key.text for key in keys))
    said, signed = _said(path)
    report.leaves = said.size
    try:
        if is_zipfile(path):
            report.entries = _evidence(path, keys, signed)
        else:
            report.entries = archive_check.check(path, keys, told).header.rows
    except ArchiveBroken as error:
        report.add([Finding("modified", f"{path.name}: {error}")])
    known = outside.gather(notes, said.origin, keys)
    report.add(known.findings)
    anchor(report, said, known)
    if not keys:
        report.add([Finding("not anchored", "no key to hold signatures against")])
    report.seconds = monotonic() - begun
    return report


def _evidence(path: Path, keys: tuple[VerifierKey, ...], signed: str) -> int:
    """Return how many entries are proven by the very program that goes with them."""
    ids = {one.id for one in note.parse(signed).signatures}
    key = next((key for key in keys if key.id in ids), None)
    if key is None and keys:
        raise ArchiveBroken("its checkpoint is signed by none of the known keys")
    try:
        with ZipFile(path) as file:  # without a key from elsewhere its own one tells whether it fits itself
            text = _text(file, "key.txt").strip() if key is None else key.text
        return standalone.check(str(path), text)
    except standalone.FAULTS as error:
        raise ArchiveBroken(str(error)) from error


def anchor(report: Report, said: Checkpoint, known: outside.Outside) -> None:
    """Hold the file's checkpoint against published ones: only of the same size can it be told without the log."""
    for one in known.published:
        if one.size == said.size:
            report.anchored = said.size
            if one.root != said.root:
                text = f"a checkpoint of {one.size} leaves was published with another root than this file's"
                report.add([Finding("forked", text, leaf=one.size)])
            return
    report.add([Finding("not anchored", f"no checkpoint from outside is of the file's size, {said.size}")])


def _text(file: ZipFile, name: str) -> str:
    return str(standalone.opened(file, name).read(1 << 20).decode())


def _said(path: Path) -> tuple[Checkpoint, str]:
    try:
        if is_zipfile(path):
            with ZipFile(path) as file:
                signed = _text(file, "checkpoint.txt")
        else:
            with path.open("rb") as file:
                signed = read_header(file.readline(1 << 20)).note
        return checkpoint.parse(note.parse(signed)), signed
    except (KeyError, ValueError, RuntimeError, EOFError, BadZipFile, zlib.error) as error:
        raise NotFound(f"{path} is neither an archive nor evidence: {error}") from error
