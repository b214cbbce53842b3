"""The claim on a writer's spool: held by who ingests it, it keeps how far the database has it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from flowstone_audit.spool import folder, locks

_SIZE: Final = 32
_TRIES: Final = 3


class Position(NamedTuple):
    """Up to where the database has a writer's spool.

    Attributes:
        number: Of the segment.
        offset: Bytes of it.
    """

    number: int
    offset: int


class Claim(locks.Held):
    """The sidecar of one writer.

    What it holds is a hint: where it is lost or old, entries are sent again, and the database ignores
    them by their ids.

    Args:
        home: The folder of the spools.
        stem: What the writer's files begin with.

    Attributes:
        reached: Up to where this object knows the database to have it; it outlives the sidecar.
    """

    def __init__(self, home: Path, stem: str) -> None:
        self.path = folder.claim_path(home, stem)
        self.descriptor = -1
        self.reached = Position(0, 0)

    def take(self) -> bool:
        """Take the claim; return False where somebody else ingests this spool now.

        Raises:
            OSError: The sidecar cannot be opened.
        """
        for _ in range(_TRIES):
            if self.descriptor < 0:
                self.descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            if not locks.take(self.descriptor):
                return False
            if self._is_current():
                return True
            self.close()  # somebody removed it while we waited
        return False

    def position(self) -> Position:
        """Return up to where the spool was ingested; its beginning where that is not known."""
        raw = os.pread(self.descriptor, _SIZE, 0)
        try:
            number, offset = raw.split()
            return Position(int(number), int(offset))
        except ValueError:
            return Position(0, 0)

    def advance(self, position: Position) -> None:
        """Note that the database has all before *position*; not synced, for it is a hint."""
        self.reached = position
        os.pwrite(self.descriptor, b"%010d %020d\n" % position, 0)

    def let_go(self) -> None:
        """Let others ingest."""
        if self.descriptor >= 0:
            locks.let_go(self.descriptor)

    def remove(self) -> None:
        """Remove the sidecar, and let go of it: the writer is gone, and so are its segments."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.close()

    def _is_current(self) -> bool:
        try:
            return os.stat(self.path).st_ino == os.fstat(self.descriptor).st_ino  # noqa: PTH116 - hot
        except FileNotFoundError:
            return False
