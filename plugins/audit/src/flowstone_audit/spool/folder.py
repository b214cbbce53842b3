"""The folder of the spools: whose segments there are, and how much they take together."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_SEGMENT: Final = re.compile(r"(?P<stem>[0-9]+-[0-9a-f]{8})\.(?P<number>[0-9]{6,})\.spool")
_CLAIM: Final = re.compile(r"(?P<stem>[0-9]+-[0-9a-f]{8})\.at")


class Found(NamedTuple):
    """What lies in the folder.

    Attributes:
        segments: Of each writer, by the stem of its files: the numbers of its segments, ascending. The writer whose
            segment was written to longest ago comes first.
        claims: Stems that have a sidecar.
        size: Bytes of all segments.
    """

    segments: dict[str, list[int]]
    claims: set[str]
    size: int


def stem_of(writer: str) -> str:
    """Return what the names of a writer's files begin with; *writer* is ``host/pid/8 hex digits``."""
    pid, token = writer.rsplit("/", 2)[-2:]
    return f"{pid}-{token}"


def segment_path(folder: Path, stem: str, number: int) -> Path:
    """Return the file of a writer's segment."""
    return folder / f"{stem}.{number:06d}.spool"


def claim_path(folder: Path, stem: str) -> Path:
    """Return the sidecar of a writer: locked by who ingests, it holds how far that is."""
    return folder / f"{stem}.at"


def look(folder: Path) -> Found:
    """Return what lies in *folder*; nothing where there is none."""
    segments: dict[str, list[int]] = {}
    claims: set[str] = set()
    written: dict[str, float] = {}
    size = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if match := _SEGMENT.fullmatch(entry.name):
                stem = match["stem"]
                segments.setdefault(stem, []).append(int(match["number"]))
                with suppress(FileNotFoundError):  # ingested meanwhile
                    found = entry.stat()
                    size += found.st_size
                    written[stem] = min(found.st_mtime, written.get(stem, found.st_mtime))
            elif match := _CLAIM.fullmatch(entry.name):
                claims.add(match["stem"])
    oldest = sorted(segments, key=lambda stem: written.get(stem, 0.0))
    return Found({stem: sorted(segments[stem]) for stem in oldest}, claims, size)
