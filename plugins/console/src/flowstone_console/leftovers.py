"""What a process could not write before it ended, because others kept the store busy: in a file beside it.

Whoever writes or reads next brings it in. Should that be interrupted it is done again, and who reads takes two
records of one event for one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from flowstone.plugin import count, decode
from flowstone_console.inserting import insert
from flowstone_console.rows import Rows, rows_of, split
from flowstone_console.schema import StoreError
from flowstone_console.store import ForkingError, Store, StoreUnavailableError

_MARK: Final = ".left-"
_WAIT_S: Final = 0.3
TROUBLE: Final = (sqlite3.Error, OSError, StoreError, StoreUnavailableError, ForkingError)
"""What keeps a file for the next who comes."""


def leave(store: Path, pending: Iterable[Rows]) -> None:
    """Write the events of *pending* into a file beside *store*.

    Raises:
        OSError: It cannot be written.
    """
    bodies = [body for rows in pending for _, body in rows.events]
    if not bodies:
        return
    name = f"{store.name}{_MARK}{os.getpid()}-{token_hex(4)}"
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = store.with_name(f"{name}.new")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"\n".join(bodies) + b"\n")
    draft.rename(store.with_name(name))


def bring_in(path: Path) -> None:
    """Bring in what others left beside the store at *path*, as far as that can be done at once."""
    if _left(path):
        store = Store(path)
        try:
            take(store)
        except TROUBLE:
            count("store.leftovers.failed")
        finally:
            store.close()


def take(store: Store) -> None:
    """Write what others left beside *store* into it.

    Raises:
        sqlite3.Error, OSError, StoreError, StoreUnavailableError, ForkingError: It cannot be written now.
    """
    for file in _left(store.path):
        with suppress(FileNotFoundError):  # somebody else was faster
            rows = rows_of([decode(line) for line in split(file.read_bytes()) if line])
            store.transact(lambda connection, rows=rows: insert(connection, [rows]), _WAIT_S)  # type: ignore[misc]
            file.unlink()


def _left(store: Path) -> list[Path]:
    begin = store.name + _MARK
    with suppress(OSError):
        return sorted(
            one for one in store.parent.iterdir() if one.name.startswith(begin) and one.suffix != ".new"
        )
    return []
