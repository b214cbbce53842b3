"""What stands in the spool of this home although the database has it: a segment goes only when it is closed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from flowstone_audit.spool import aside, folder

_ID: Final = re.compile(rb'"([0-9a-f]{32})"')


def told(spool: Path, ids: Collection[str]) -> Iterator[str]:
    """Yield, for each file that an erasure leaves something in, what there is to do about it.

    Nobody but its writer can end a segment. What was refused is in no entry, so that it cannot be told whose it is.

    Args:
        spool: The folder of the spools.
        ids: The entries that were erased.
    """
    wanted = {id.encode() for id in ids}
    for stem, numbers in folder.look(spool).segments.items():
        for number in numbers:
            path = folder.segment_path(spool, stem, number)
            if _has(path, wanted):
                yield (
                    f"{path} still has them in clear text, until its process ({stem.partition('-')[0]}) ends or"
                    " begins its next segment (every 4 MiB): restart it, then run: flowstone audit log"
                )
    for path in aside.files(spool):
        yield f"look into {path}: it has lines that the log could not take, and nothing removes them but you"


def _has(path: Path, wanted: Collection[bytes]) -> bool:
    with suppress(FileNotFoundError):  # taken in meanwhile
        return any(found[1] in wanted for found in _ID.finditer(path.read_bytes()))
    return False
