"""Checkpoints: what a log says of itself at one size (https://c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Final, NamedTuple

from flowstone_audit.note import Malformed, Note
from flowstone_audit.tree.hashing import SIZE

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_TIME: Final = "time "
_STATE: Final = "state "


class Checkpoint(NamedTuple):
    """The text of a checkpoint.

    Attributes:
        origin: Which log: ``flowstone/audit/<log id>``.
        size: Leaves of its tree.
        root: Root of its tree, 32 bytes.
        time: When it was made, Unix microseconds by the sealer's clock; None where it does not say.
        state: Hash of what the seal says beside its tree (see ``gaps.state``), 32 bytes; None where it does not say.
    """

    origin: str
    size: int
    root: bytes
    time: int | None = None
    state: bytes | None = None

    @property
    def text(self) -> str:
        """What is signed."""
        time = "" if self.time is None else f"{_TIME}{self.time}\n"
        state = "" if self.state is None else f"{_STATE}{b64encode(self.state).decode()}\n"
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n{time}{state}"


def origin(log_id: str) -> str:
    """Return the origin of a log's checkpoints, which is the name of its keys too."""
    return f"flowstone/audit/{log_id}"


def parse(text: str | Note) -> Checkpoint:
    """Return the checkpoint in a note's text. Verify the note first.

    Raises:
        Malformed: It is none. Extension lines other than ``time`` and ``state`` are ignored.
    """
    lines = (text.text if isinstance(text, Note) else text).split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise Malformed("not a checkpoint: origin, size, root, each on a line")
    root = _hash(lines[2])
    if not _SIZE.fullmatch(lines[1]):
        raise Malformed(f"not the size of a tree: {lines[1][:30]!r}")
    times = [line.removeprefix(_TIME) for line in lines[3:] if line.startswith(_TIME)]
    if len(times) > 1 or not all(map(_SIZE.fullmatch, times)):
        raise Malformed(f"not a time: {times[0][:30]!r}")
    states = [_hash(line.removeprefix(_STATE)) for line in lines[3:] if line.startswith(_STATE)]
    if len(states) > 1:
        raise Malformed("two states")
    time, state = int(times[0]) if times else None, states[0] if states else None
    return Checkpoint(lines[0], int(lines[1]), root, time, state)


def _hash(text: str) -> bytes:
    """Return 32 bytes from their one spelling."""
    try:
        found = b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed(f"not a hash: {text[:80]!r}") from error
    if len(found) != SIZE or b64encode(found).decode() != text:
        raise Malformed(f"not a hash: {text[:80]!r}")
    return found
