"""The connection that queries use, after what waits in spools was taken in."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from flowstone_audit import config, database, engines, ingest, schema_state
from flowstone_audit.errors import SchemaMismatch, Unavailable

CATCH_UP_S: Final = 0.5
_TRUSTED_S: Final = 1.0
_log: Final = logging.getLogger("flowstone.audit")

Waiting = tuple[tuple[str, int], ...]

_known: tuple[tuple[str | bytes | None, ...], config.Config, str] | None = None
_done: tuple[Waiting, float] = (), 0.0


@contextmanager
def reading(connection: Connection | None = None, *, catch_up: float = CATCH_UP_S) -> Iterator[Connection]:
    """Yield *connection*, or this process's own after at most *catch_up* seconds of taking in spools.

    Raises:
        Unavailable: The database cannot be reached, or there is none yet.
        SchemaMismatch: It has no audit tables, or those of a later version.
    """
    if connection is not None:
        yield connection
        return
    settings, spool = _settings()
    kept = database.of(settings)
    _catch_up(spool, catch_up)
    if not kept.prepared:
        _check(kept)
    with kept.reading() as own:
        try:
            yield own
        except DBAPIError as error:
            raise Unavailable(f"cannot read {kept.name}: {engines.reason_of(error)}") from error


def _settings() -> tuple[config.Config, str]:
    """Return settings and spool; read anew only where the environment changed, for a query takes less than that."""
    global _known
    print_ = config.fingerprint()
    if _known is None or _known[0] != print_:
        settings = config.load()
        _known = print_, settings, str(settings.spool)
    return _known[1:]


def _catch_up(spool: str, timeout: float) -> None:
    """Take in what waits, unless a moment ago nothing was left and nothing has come since."""
    global _done
    waiting, now = _waiting(spool), monotonic()
    if not waiting or (waiting == _done[0] and now < _done[1] + _TRUSTED_S):
        return
    try:
        ingest.catch_up(timeout)
        if monotonic() < now + timeout:  # else there may be more
            _done = waiting, now
    except ingest.TROUBLE as error:
        _log.warning("entries wait in the spool and are not shown: %s", engines.reason_of(error))


def _waiting(folder: str) -> Waiting:
    """Return the files of the spools and their sizes; also those that are ingested, but not closed yet."""
    try:
        with os.scandir(folder) as found:
            return tuple(
                sorted((each.name, each.stat().st_size) for each in found if each.name.endswith(".spool"))
            )
    except FileNotFoundError:
        return ()


def _check(kept: database.Database) -> None:
    """See that there are tables to read, making none; those of an earlier version hold the same log."""
    if kept.is_sqlite and not Path(kept.engine.url.database or "").exists():
        raise SchemaMismatch(f"there is no audit log at {kept.name} yet; it is made by the first entry")
    with kept.connect() as own:
        state = schema_state.check(own)
    if state.kind == "missing":
        raise SchemaMismatch(f"{kept.name} has no audit tables; to make them: flowstone audit migrate")
    if state.kind == "newer":
        raise SchemaMismatch(
            f"{kept.name} has audit schema {state.current}, this version knows {state.head};"
            " install a later flowstone-audit"
        )
    kept.prepared = state.kind == "current"  # asked once
