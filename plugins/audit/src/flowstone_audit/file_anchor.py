"""The anchor that is a file: checkpoints one behind the other, with a blank line between them.

Put it where the database's owner cannot write: another machine's disk, an append-only file (``chattr +a``), an
object store with a lock.
"""

from __future__ import annotations

import os
from pathlib import Path


class FileAnchor:
    """Appends to a file.

    Args:
        path: Made where it is not there; mode 0600.
    """

    name = "file"

    def __init__(self, path: Path) -> None:
        self.path = path

    def publish(self, note: str) -> None:
        """Append a checkpoint; on disk when this returns.

        Raises:
            OSError: The file cannot be written.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 2, 0))
            torn = size > 0 and file.read(2) != b"\n\n"  # by a crash; what follows must not join it
            file.write((b"\n\n" if torn else b"") + note.encode() + b"\n")
            os.fsync(file.fileno())


def read(path: Path) -> list[str]:
    """Return the notes of a file of checkpoints, oldest first; what is torn is left out, nothing is verified.

    Raises:
        OSError: The file cannot be read.
    """
    found: list[str] = []
    text = ""
    for block in path.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        lines = block.strip("\n")
        if lines.startswith("— ") and text:
            found.append(f"{text}\n\n{lines}\n")
            text = ""
        else:
            text = lines
    return found
