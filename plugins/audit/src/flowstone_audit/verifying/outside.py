"""What is known of a log from elsewhere: keys, and checkpoints that were published."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from flowstone_audit import checkpoint, note
from flowstone_audit.checkpoint import Checkpoint
from flowstone_audit.errors import NotFound
from flowstone_audit.file_anchor import read
from flowstone_audit.keys import VerifierKey
from flowstone_audit.note import NoteError
from flowstone_audit.verifying.pieces import Published
from flowstone_audit.verifying.report import Finding


@dataclass(slots=True)
class Outside:
    """Checkpoints of one log, sorted by size.

    Attributes:
        published: What the tree had to be at their sizes.
        times: Unix microseconds of the checkpoints, by size, where they say.
        findings: What is wrong among the checkpoints themselves.
    """

    published: list[Published] = field(default_factory=list)
    times: dict[int, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def key_of(text: str) -> VerifierKey:
    """Return a verifier key from its text, or from a file that holds it.

    Raises:
        KeyUnusable: It is neither.
    """
    if "+" not in text and Path(text).is_file():
        text = Path(text).read_text(encoding="utf-8")
    return VerifierKey.parse(text)


def notes_of(path: Path) -> list[str]:
    """Return the checkpoints in a file.

    Raises:
        NotFound: There is no such file.
    """
    try:
        return read(path)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error


def size_of(text: str) -> int:
    """Return of how many leaves a checkpoint is, signed or not; 0 where it is none."""
    try:
        return checkpoint.parse(note.parse(text)).size
    except NoteError:
        return 0


def sizes(notes: Iterable[str], known: Outside) -> list[int]:
    """Return the sizes of those of *notes* that say what signed checkpoints among *known* say."""
    signed = set(known.published)
    found = []
    for text in notes:
        with suppress(NoteError):
            said = checkpoint.parse(note.parse(text))
            if (said.size, said.root) in signed:
                found.append(said.size)
    return found


def gather(notes: Iterable[str], origin: str, known: tuple[VerifierKey, ...]) -> Outside:
    """Return the checkpoints of one log among *notes*; those of other logs are passed over."""
    found = Outside()
    roots: dict[int, bytes] = {}
    strange: set[str] = set()
    for text in notes:
        said = _said(text, origin)
        if said is None:
            continue
        try:
            if known:
                note.verify(text, known)
        except note.NotSigned:
            strange |= {one.id.hex() for one in note.parse(text).signatures if one.name == origin}
            continue
        except NoteError as error:
            message = f"a checkpoint from outside, of {said.size} leaves: {error}"
            found.findings.append(Finding("bad signature", message, leaf=said.size))
            continue
        if roots.setdefault(said.size, said.root) != said.root:
            message = f"two checkpoints from outside, both of {said.size} leaves, have different roots"
            found.findings.append(Finding("forked", message, leaf=said.size))
        if said.time is not None:
            found.times[said.size] = said.time
    for id in sorted(strange):
        message = f"checkpoints from outside are signed by the key {id}, which is not the one that is used to verify"
        found.findings.append(Finding("key swapped", message))
    found.published = [Published(size, roots[size]) for size in sorted(roots)]
    return found


def others(
    notes: Iterable[str], origin: str, known: tuple[VerifierKey, ...], *, pinned: bool
) -> list[Finding]:
    """Tell of other logs that were published where this one was: it may stand in the place of one that was deleted.

    A log whose own key is among the known ones is one that is known of.

    Args:
        notes: Checkpoints.
        origin: Of this log.
        known: Keys of this log, and of others.
        pinned: Whether the keys come from elsewhere than the log, so that no other log can be meant.
    """
    named = {origin, *(key.name for key in known)}
    sizes: dict[tuple[str, bool], int] = {}
    for text in notes:
        said = _parsed(text)
        if said is None or said.origin in named or not said.origin.startswith(checkpoint.origin("")):
            continue
        ours = _is_signed(text, [VerifierKey(said.origin, key.public) for key in known])
        sizes[said.origin, ours] = max(said.size, sizes.get((said.origin, ours), 0))
    found = []
    for (other, ours), size in sorted(sizes.items()):
        if ours:
            message = f"the key of this log has signed another one too, {other}, of {size} entries: this one is in its place"
            found.append(Finding("rolled back", message, leaf=0))
        elif not pinned:
            message = (
                f"another log was published here, {other}, of {size} entries, by a key that is not known"
            )
            found.append(Finding("not anchored", f"{message}; if it is not this one, made anew: --key"))
    return found


def _is_signed(text: str, known: list[VerifierKey]) -> bool:
    try:
        note.verify(text, known)
    except NoteError:
        return False
    return True


def _said(text: str, origin: str) -> Checkpoint | None:
    said = _parsed(text)
    return said if said is not None and said.origin == origin else None


def _parsed(text: str) -> Checkpoint | None:
    try:
        return checkpoint.parse(note.parse(text))
    except NoteError:
        return None
