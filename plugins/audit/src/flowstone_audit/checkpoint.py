"""Checkpoints: what a log says of itself at one size (https://c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Final, NamedTuple

from flowstone_audit.note import Malformed, Note
from flowstone_audit.tree.hashing import SIZE

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_TIME: Final = "time "


class Checkpoint(NamedTuple):
    """The text of a checkpoint.

    Attributes:
        origin: Which log: ``flowstone/audit/<log id>``.
        size: Leaves of its tree.
        root: Root of its tree, 32 bytes.
        time: When it was made, Unix microseconds by the sealer's clock; None where it does not say.
    """

    origin: str
    size: int
    root: bytes
    time: int | None = None

    @property
    def text(self) -> str:
        """What is signed."""
        time = "" if self.time is None else f"{_TIME}{self.time}\n"
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n{time}"


def origin(log_id: str) -> str:
    """Return the origin of a log's checkpoints, which is the name of its keys too."""
    return f"flowstone/audit/{log_id}"


def parse(text: str | Note) -> Checkpoint:
    """Return the checkpoint in a note's text. Verify the note first.

    Raises:
        Malformed: It is none. Extension lines other than ``time`` are ignored.
    """
    lines = (text.text if isinstance(text, Note) else text).split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise Malformed("not a checkpoint: origin, size, root, each on a line")
    try:
        root = b64decode(lines[2], validate=True)
    except ValueError as error:
        raise Malformed(f"not a root: {lines[2][:80]!r}") from error
    if not _SIZE.fullmatch(lines[1]) or len(root) != SIZE or b64encode(root).decode() != lines[2]:
        raise Malformed(f"not size and root of a tree: {lines[1][:30]!r}, {lines[2][:80]!r}")
    times = [line.removeprefix(_TIME) for line in lines[3:] if line.startswith(_TIME)]
    if len(times) > 1 or not all(map(_SIZE.fullmatch, times)):
        raise Malformed(f"not a time: {times[0][:30]!r}")
    return Checkpoint(lines[0], int(lines[1]), root, int(times[0]) if times else None)
